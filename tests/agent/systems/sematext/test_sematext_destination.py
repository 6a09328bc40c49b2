"""The Sematext destination against the strict event receiver."""

import json

import pytest

from agent.configuration import types
from agent.delivery.outcome import Delivered, Paused, Refused
from agent.delivery.outgoing import OutgoingEvent, some
from agent.stand_in import Reply
from agent.systems import registry
from agent.systems.sematext.destination import Sematext
from agent.systems.sematext.probe import probe
from agent.systems.sematext.settings import SematextSettings

TOKEN = "t0ken/+secret"


def outgoing(**fields):
    event = {
        "event_type": "DeployedEvent",
        "msg_title": "deployed",
        "msg_text": "v2",
        "timestamp": 1,
        **fields,
    }
    return some("edge-01", [OutgoingEvent("custom", json.dumps(event).encode(), captured=1.0)])


@pytest.fixture
def receiver():
    with registry.stand_in("sematext", credential=TOKEN) as one:
        yield one


@pytest.fixture
def destination():
    made = []

    def make(url, **settings):
        if "token_file" not in settings:
            settings.setdefault("token", types.Secret(TOKEN))
        made.append(Sematext("events", SematextSettings(url=url, **settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_event_arrives_and_breaks_no_rule(receiver, destination):
    assert destination(receiver.url).deliver(outgoing(), 5) == Delivered()
    [received] = receiver.received
    assert (received.event_type, received.title, received.hostname) == (
        "DeployedEvent",
        "deployed",
        "edge-01",
    )
    assert received.problems == ()


def test_an_unknown_token_pauses_whatever_the_status(receiver, destination):
    wrong = destination(receiver.url, token=types.Secret("wrong-token"))
    outcome = wrong.deliver(outgoing(), 5)
    assert isinstance(outcome, Paused)
    assert "wrong-token" not in outcome.reason


def test_a_limit_of_the_plan_pauses(receiver, destination):
    receiver.intercept = lambda _: Reply(403, b'{"error":"Limits reached: 100 events a day"}')
    outcome = destination(receiver.url).deliver(outgoing(), 5)
    assert isinstance(outcome, Paused)
    assert "Limits reached" in outcome.reason


def test_a_refused_event_is_refused_with_the_words_of_the_receiver(receiver, destination):
    receiver.intercept = lambda _: Reply(400, b'{"error":"message: is required"}')
    outcome = destination(receiver.url).deliver(outgoing(), 5)
    assert isinstance(outcome, Refused)
    assert outcome.status == 400
    assert "message: is required" in outcome.reason


def test_the_token_is_in_no_text_that_comes_out(receiver, destination):
    receiver.intercept = lambda request: Reply(500, f"no route for {request.target} {TOKEN}".encode())
    one = destination(receiver.url)
    outcome = one.deliver(outgoing(), 5)
    unreachable = destination("http://127.0.0.1:1").deliver(outgoing(), 2)
    for text in (str(outcome), str(unreachable), repr(one), one.identity):
        assert TOKEN not in text
        assert "t0ken%2F%2Bsecret" not in text


def test_a_token_file_that_changes_is_noticed_and_used(receiver, destination, tmp_path):
    file = tmp_path / "token"
    file.write_text("wrong\n")
    one = destination(receiver.url, token_file=file)
    assert isinstance(one.deliver(outgoing(), 5), Paused)
    assert not one.credential_changed()
    file.write_text(TOKEN)
    assert one.credential_changed()
    assert one.deliver(outgoing(), 5) == Delivered()


def test_a_missing_token_file_pauses_and_names_the_option(receiver, destination, tmp_path):
    outcome = destination(receiver.url, token_file=tmp_path / "token").deliver(outgoing(), 5)
    assert isinstance(outcome, Paused)
    assert "token_file" in outcome.reason


def test_doctor_says_what_it_can_know_of_it(receiver, tmp_path):
    def found(url, **settings):
        return probe("events", SematextSettings(url=types.Url(url), **settings), 2)

    assert found(receiver.url, token=types.Secret(TOKEN)).level == "ok"
    assert found("http://127.0.0.1:1", token=types.Secret(TOKEN)).level == "fail"
    assert found(receiver.url, token_file=tmp_path / "token").level == "fail"
