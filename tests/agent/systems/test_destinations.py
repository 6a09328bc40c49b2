"""Every destination of the table keeps the contract of `agent.delivery.destination`, against its own stand-in."""

import logging
import threading
import time
from email.utils import formatdate

import pytest
from destination_example import CREDENTIAL, origin
from harness.free_ports import free_port

from agent.delivery.outcome import Delivered, Paused, Refused, RetryLater, TooLarge
from agent.delivery.outgoing import OutgoingEvent, some
from agent.stand_in import Reply
from collectors.event import Category, Event, encode
from spool import EVENT

PAGE = b"<!DOCTYPE html><html>log in here</html>"


def event(title):
    return OutgoingEvent(
        "custom",
        encode(
            Event(
                name="custom",
                event_type="TestedEvent",
                category=Category.ACTIVITIES,
                title=title,
                text="what happened",
                timestamp=int(time.time()),
                tags=("env:test",),
                element_identifiers=("urn:host:/h",),
                source_identifier=f"id-{title}",
                host="h",
            )
        ),
        time.time(),
    )


def outgoing(*titles):
    return some("h", [event(title) for title in titles])


ONE = outgoing("one")


@pytest.fixture(autouse=True)
def no_credential_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert CREDENTIAL not in caplog.text


def test_what_it_delivers_arrives_in_order_and_breaks_no_rule(trial):
    side = trial.stand_in()
    it = trial.destination(origin(side))
    titles = ["a", "b", "c", "d"][: it.max_events]
    assert it.deliver(outgoing(*titles), 10) == Delivered()
    assert it.deliver(ONE, 10) == Delivered()
    assert trial.titles(side) == [*titles, "one"]
    assert side.report.broken == {}


def test_an_event_that_is_sent_again_keeps_its_identifier(trial):
    side = trial.stand_in()
    it = trial.destination(origin(side))
    assert [it.deliver(ONE, 10), it.deliver(ONE, 10)] == [Delivered(), Delivered()]
    first, second = side.received
    assert first.identifier == second.identifier
    assert "id-one" in str(first.event)


ANSWERS = [
    *[(Reply(status, b"no"), RetryLater) for status in (408, 425, 429, 500, 502, 503, 504)],
    (Reply(413, b"no"), TooLarge),
    (Reply(400, b"no"), Refused),
    (Reply(422, b"no"), Refused),
    *[(Reply(status, b"no"), Paused) for status in (301, 307, 401, 403, 404, 405, 407, 415)],
    (Reply(200, PAGE, "text/html"), Paused),
    (Reply(202, PAGE, "text/html; charset=utf-8"), Paused),
    (Reply(502, PAGE, "text/html"), RetryLater),
]


@pytest.mark.parametrize(("reply", "expected"), ANSWERS, ids=[str(reply.status) for reply, _ in ANSWERS])
def test_an_answer_is_what_the_contract_says(trial, reply, expected):
    side = trial.stand_in()
    side.intercept = lambda _: reply
    outcome = trial.destination(origin(side)).deliver(ONE, 10)
    assert isinstance(outcome, expected)
    assert str(reply.status) in outcome.reason
    assert "<html" not in outcome.reason
    assert not side.received


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("Fri, 31 Dec 1999 23:59:59 GMT", 0), ("soon", None), ("", None)]
)
def test_it_hands_on_when_it_is_asked_to_come_again(trial, header, seconds):
    side = trial.stand_in()
    side.intercept = lambda _: Reply(503, b"", headers={"Retry-After": header} if header else {})
    assert trial.destination(origin(side)).deliver(ONE, 10).after_seconds == seconds


def test_it_hands_on_a_date_to_come_again(trial):
    side = trial.stand_in()
    side.intercept = lambda _: Reply(
        429, b"", headers={"Retry-After": formatdate(4_000_000_000, usegmt=True)}
    )
    assert trial.destination(origin(side)).deliver(ONE, 10).after_seconds > 1_000_000


def test_a_connection_cut_while_sending_asks_for_less_at_once(trial):
    side = trial.stand_in()
    side.intercept = lambda _: Reply(cut=True)
    outcome = trial.destination(origin(side)).deliver(ONE, 10)
    assert isinstance(outcome, RetryLater)
    assert outcome.shrink


def test_one_that_does_not_answer_in_time_is_left(trial):
    side, over = trial.stand_in(), threading.Event()
    side.intercept = lambda _: over.wait(30) and None
    outcome = trial.destination(origin(side)).deliver(ONE, 0.3)
    over.set()
    assert isinstance(outcome, RetryLater)
    assert outcome.shrink
    assert "within 0.3 s" in outcome.reason


def test_one_that_does_not_listen_is_tried_later(trial):
    outcome = trial.destination(f"http://127.0.0.1:{free_port()}").deliver(ONE, 10)
    assert outcome == RetryLater("Connection refused")


@pytest.mark.parametrize("is_trusted", [True, False])
def test_tls_goes_by_the_authority_that_is_configured(trial, authority, is_trusted):
    certificate = authority.issue(f"conformance-{trial.system}-{is_trusted}")
    side = trial.stand_in(tls=authority.server(certificate))
    tls = {"tls": {"ca_file": str(authority.ca)}} if is_trusted else {}
    outcome = trial.destination(origin(side), **tls).deliver(ONE, 10)
    if is_trusted:
        assert outcome == Delivered()
    else:
        assert isinstance(outcome, RetryLater)
        assert outcome.reason.startswith("TLS: ")


def test_its_identity_is_where_it_sends_to_and_no_credential(trial):
    here = trial.destination("http://127.0.0.1:1").identity
    assert here == trial.destination("http://127.0.0.1:1", timeout="9s").identity
    assert here != trial.destination("http://127.0.0.1:2").identity
    assert CREDENTIAL not in here


def test_another_credential_makes_no_other_destination(trial_with_credential):
    trial = trial_with_credential
    here = trial.destination("http://127.0.0.1:1").identity
    other = {trial.example.credential_key: "another"}
    assert here == trial.destination("http://127.0.0.1:1", **other).identity


def test_its_credential_comes_out_nowhere(trial_with_credential):
    side = trial_with_credential.stand_in()
    it = trial_with_credential.destination(origin(side))

    def echo(request):
        said = f"{request.target} {request.headers} {CREDENTIAL}".encode()
        return Reply(answers.pop(), said, headers={"Location": f"http://x/?k={CREDENTIAL}"})

    side.intercept = echo
    for answer in (307, 400, 500):
        answers = [answer] * 2
        outcome = it.deliver(ONE, 10)
        assert CREDENTIAL not in repr(outcome)
        assert "***" in outcome.reason
    assert CREDENTIAL not in repr(it)


def test_a_wrong_credential_pauses(trial_with_credential):
    side = trial_with_credential.stand_in(credential="the right one")
    outcome = trial_with_credential.destination(origin(side)).deliver(ONE, 10)
    assert isinstance(outcome, Paused)
    assert not side.received


def test_a_credential_file_is_read_again_when_it_changes(trial_with_credential, tmp_path):
    side, file = trial_with_credential.stand_in(), tmp_path / "credential"
    key = trial_with_credential.example.credential_key
    it = trial_with_credential.destination(origin(side), **{key: None, f"{key}_file": str(file)})
    assert isinstance(it.deliver(ONE, 10), Paused)
    assert side.report.requests == 0
    assert not it.credential_changed()
    file.write_text("wrong\n")
    assert it.credential_changed()
    assert isinstance(it.deliver(ONE, 10), Paused)
    assert not it.credential_changed()
    file.write_text(f"{CREDENTIAL}\n")
    assert it.credential_changed()
    assert it.deliver(ONE, 10) == Delivered()


def test_a_request_that_hangs_can_be_cut_short(trial):
    side, over, asked = trial.stand_in(), threading.Event(), threading.Event()
    side.intercept = lambda _: (asked.set(), over.wait(30), None)[-1]
    it = trial.destination(origin(side))
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(it.deliver(ONE, 600)))
    thread.start()
    assert asked.wait(60)
    it.cut_short(0.05)
    thread.join(60)
    over.set()
    assert isinstance(outcomes[0], RetryLater)


def test_it_says_what_it_takes(trial):
    it = trial.destination("http://127.0.0.1:1")
    assert it.name == "it"
    assert it.max_events >= 1
    assert EVENT in it.kinds


def test_it_leaves_no_thread_behind(trial):
    before = set(threading.enumerate())
    side = trial.stand_in()
    it = trial.destination(origin(side))
    it.deliver(ONE, 10)
    it.close()
    side.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "deadline"]
