"""Every dialect keeps the same law: its own shape, nothing kept of what is wrong, success for what is on disk."""

import http.client
import json
import socket

import pytest
from dialect_examples import EXAMPLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.cli.daemon_client import ask
from agent.events.capture import Capture
from agent.events.chunk import entries
from agent.events.identity import Identity
from agent.events.plans import Plans
from agent.http.message import Peer, Refusal, Response
from agent.intake.control import Control
from agent.intake.keeping import Keeping
from agent.intake.listeners import SocketListener
from agent.intake.quota import IntakeQuota
from agent.intake.rate import Rate
from agent.intake.router import Router
from agent.runtime.status import Document
from agent.systems.registry import dialects
from spool import Spool, SpoolError, SpoolFull, SpoolReader

TOKEN = "the-token-of-the-port"

DIALECTS = {dialect.name: dialect for dialect in dialects()}

every_dialect = pytest.mark.parametrize("name", DIALECTS)


@pytest.fixture
def example(name):
    return EXAMPLES[name]


def test_every_dialect_of_the_table_has_an_example():
    assert EXAMPLES.keys() == DIALECTS.keys()


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        yield spool


def router(spool, capture=None, **more) -> Router:
    values = {"rate": Rate(10_000, 10_000), "share": IntakeQuota(lambda: 0, lambda: 100_000_000), **more}
    capture = capture or Capture(spool, Identity("web-1"))
    control = Control(
        lambda: Document(running=True), list, lambda _: 0, lambda _: 0, lambda: 0, Response, Plans({}, dict)
    )
    return Router([*DIALECTS.values()], Keeping(capture, **values), control)


def post(spool, example, body, **more):
    return router(spool, **more).answer_socket(example.request(body))


def kept(spool) -> list[dict]:
    with SpoolReader.open(spool.directory) as reader:
        return [json.loads(body) for stored in reader.records() for body in entries(stored.record)]


def titles(example) -> list[str]:
    return [f"title {number}" for number in range(example.most)]


@every_dialect
def test_what_is_answered_with_success_is_on_disk(spool, example):
    response = post(spool, example, example.body(titles(example)))
    assert example.is_success(response, example.most)
    assert [event["msg_title"] for event in kept(spool)] == titles(example)


@every_dialect
@pytest.mark.parametrize(
    ("failure", "status"), [(SpoolFull("the spool is full"), 507), (SpoolError("the disk is gone"), 503)]
)
def test_what_is_not_on_disk_is_never_answered_with_success(spool, example, failure, status):
    class Failing(Capture):
        def keep_posted(self, *_, **__):
            raise failure

    response = post(spool, example, example.body(["x"]), capture=Failing(spool, Identity("web-1")))
    assert response.status == status
    assert str(failure) in example.reason(response)


@every_dialect
def test_a_fault_of_ours_is_an_error_in_its_own_shape(spool, example, caplog):
    class Faulty(Capture):
        def keep_posted(self, *_, **__):
            raise ZeroDivisionError

    response = post(spool, example, example.body(["x"]), capture=Faulty(spool, Identity("web-1")))
    assert response.status == 500
    assert example.reason(response)
    assert "ZeroDivisionError" in caplog.text


@every_dialect
def test_a_wrong_event_is_named_by_its_index_and_nothing_is_kept(spool, example):
    for index in range(example.most):
        wanted: list[str | None] = [*titles(example)]
        wanted[index] = None
        response = post(spool, example, example.body(wanted))
        assert response.status == 400
        assert example.place(index) in example.reason(response)
    assert kept(spool) == []


@every_dialect
@pytest.mark.parametrize(
    "value",
    [
        b"1e999",
        b"99999999999999999999",
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b"[" * 70 + b"]" * 70,
        b"[" * 99_999,
    ],
)
def test_json_that_other_readers_cannot_take_is_refused(spool, example, value):
    response = post(spool, example, example.with_value(value))
    assert response.status == 400
    assert example.reason(response)
    assert kept(spool) == []


@every_dialect
@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"nul", b"01"])
def test_what_is_no_json_is_refused(spool, example, value):
    assert post(spool, example, example.with_value(value)).status == 400
    assert kept(spool) == []


@every_dialect
def test_an_event_of_more_than_200_kib_is_413(spool, example):
    response = post(spool, example, example.with_value(b'"' + b"x" * 204_750 + b'"'))
    assert response.status == 413
    assert example.reason(response)
    assert kept(spool) == []


@every_dialect
def test_an_event_of_just_under_200_kib_is_kept(spool, example):
    response = post(spool, example, example.with_value(b'"' + b"x" * 200_000 + b'"'))
    assert example.is_success(response, 1)


@every_dialect
def test_a_flood_is_429_and_says_when_to_come_again(spool, example):
    flooded = router(spool, rate=Rate(0.1, example.most))
    request = example.request(example.body(titles(example)))
    assert example.is_success(flooded.answer_socket(request), example.most)
    response = flooded.answer_socket(request)
    assert response.status == 429
    assert int(dict(response.headers)["Retry-After"]) >= 1
    assert example.reason(response)


@every_dialect
def test_a_share_that_is_full_is_507(spool, example):
    response = post(spool, example, example.body(["x"]), share=IntakeQuota(lambda: 0, lambda: 10))
    assert response.status == 507
    assert example.reason(response)


@every_dialect
def test_the_wrong_verb_is_405_and_names_the_right_one(spool, example):
    wrong = replace(example.request(b""), method="DELETE")
    response = router(spool).answer_socket(wrong)
    assert response.status == 405
    assert "POST" in dict(response.headers)["Allow"]
    assert example.reason(response)


@every_dialect
def test_the_port_takes_the_token_in_each_of_the_dialects_own_places(spool, example):
    answer = router(spool).port(lambda: TOKEN)
    for number, show in enumerate(example.with_token, 1):
        assert example.is_success(answer(show(example.request(example.body(["x"])), TOKEN)), 1)
        assert len(kept(spool)) == number


@every_dialect
def test_without_the_token_the_port_keeps_nothing_and_never_says_the_token(spool, example):
    answer = router(spool).port(lambda: TOKEN)
    request = example.request(example.body(["x"]))
    for shown in (request, *(show(request, wrong) for show in example.with_token for wrong in ("no", "ä"))):
        response = answer(shown)
        assert response.status in {401, 403}
        assert TOKEN not in example.reason(response)
    assert kept(spool) == []


@every_dialect
@pytest.mark.parametrize(
    "reason", ["this port is not for web pages", "this port is for programs on this host"]
)
def test_what_a_page_of_the_web_posts_is_403_in_the_dialects_own_shape(spool, example, reason):
    response = router(spool).refuse(Refusal(403, reason, example.request(b"")))
    assert response.status == 403
    assert reason in example.reason(response)


@every_dialect
def test_on_the_socket_any_token_is_taken(spool, example):
    for show in example.with_token:
        request = show(example.request(example.body(["x"])), "any")
        assert example.is_success(router(spool).answer_socket(request), 1)


@every_dialect
def test_a_host_without_a_name_keeps_what_is_posted(spool, example):
    response = post(spool, example, example.body(["x"]), capture=Capture(spool, Identity("")))
    assert example.is_success(response, 1)


@every_dialect
def test_an_identity_that_changes_meanwhile_is_read_once(spool, example):
    names = iter(["first", "second", "third"])

    class Renamed(Capture):
        @property
        def identity(self):
            return Identity(next(names))

        @identity.setter
        def identity(self, _):
            pass

    post(spool, example, example.body(["x"]), capture=Renamed(spool, Identity("")))
    with SpoolReader.open(spool.directory) as reader:
        assert [stored.record.hostname for stored in reader.records()] == ["first"]


_QUIETLY = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@every_dialect
@settings(max_examples=100, **_QUIETLY)
@given(data=st.data())
def test_whatever_is_posted_a_success_means_on_disk_and_anything_else_that_nothing_is(spool, example, data):
    post_damaged(spool, example, data)


@pytest.mark.torture
@every_dialect
@settings(max_examples=50_000, **_QUIETLY)
@given(data=st.data())
def test_whatever_is_posted_many_times_a_success_means_on_disk(spool, example, data):
    post_damaged(spool, example, data)


def post_damaged(spool, example, data):
    body = bytearray(example.body(titles(example)))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(body)))
        upto = data.draw(st.integers(at, min(len(body), at + 30)))
        body[at:upto] = data.draw(
            st.binary(max_size=8)
            | st.sampled_from([b"null", b"[]", b"{}", b"1e999", b'"', b"\\u", b"\\ud800"])
        )
    before = spool.status().events
    response = post(spool, example, bytes(body))
    came = spool.status().events - before
    if response.status < 300:
        assert example.is_success(response, came)
    else:
        assert came == 0
        assert response.status in {400, 413}
        assert example.reason(response)


def test_a_path_that_nobody_has_is_404(spool):
    for example in EXAMPLES.values():
        request = replace(example.request(b""), path="/nothing/here/at/all")
        assert router(spool).answer_socket(request).status == 404
        assert router(spool).port(lambda: TOKEN)(request).status == 404


@pytest.mark.parametrize("path", ["/status", "/health", "/rejected/retry", "/rejected/discard", "/metrics"])
def test_the_daemons_own_paths_do_not_exist_on_the_port(spool, path):
    example = EXAMPLES["stackstate"]
    request = replace(example.request(b'{"all": true}'), path=path, peer=Peer("127.0.0.1"))
    for method in ("GET", "POST"):
        assert router(spool).port(lambda: TOKEN)(replace(request, method=method)).status == 404


@every_dialect
def test_a_connection_stays_open_after_a_success_and_after_a_refusal(spool, example, tmp_path):
    listener = SocketListener(tmp_path / "s", router(spool).answer_socket)
    listener.start()
    connection = http.client.HTTPConnection("localhost")
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        connection.sock.connect(str(tmp_path / "s"))
        for body, is_taken in ((["a"], True), ([None], False), (["b", "c"][: example.most], True)):
            connection.request("POST", example.path, example.body(body))
            answer = connection.getresponse()
            assert (answer.status < 300) == is_taken
            answer.read()
    finally:
        connection.close()
        listener.stop()
    assert [event["msg_title"] for event in kept(spool)] == ["a", "b", "c"][: 1 + example.most]


@every_dialect
def test_what_the_server_itself_refuses_is_said_in_the_dialects_own_shape(spool, example, tmp_path):
    listener = SocketListener(tmp_path / "s", (chosen := router(spool)).answer_socket, refuse=chosen.refuse)
    listener.start()
    try:
        reply = ask(tmp_path / "s", "POST", example.path, b"x" * 2_000_000, timeout_seconds=60)
        assert reply.status == 413
        assert example.reason(chosen.refuse(Refusal(413, "the body is too large", example.request(b""))))
    finally:
        listener.stop()
