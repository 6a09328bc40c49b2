"""OTLP as a destination: its credentials, what answers mean in both encodings, and a partial success down to its record."""

import gzip
import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from agent.configuration import types
from agent.configuration.load import load
from agent.configuration.problem import ConfigurationError
from agent.configuration.show import plain
from agent.delivery.loop import DeliveryLoop
from agent.delivery.outcome import Delivered, Paused, Refused, RetryLater
from agent.delivery.outgoing import OutgoingEvent, some
from agent.events.capture import Capture, Clocks
from agent.events.identity import Identity
from agent.stand_in import Reply, StandIn, Verdict
from agent.systems import registry
from agent.systems.otlp.destination import Otlp
from agent.systems.otlp.probe import probe
from agent.systems.otlp.settings import OtlpSettings
from agent.systems.otlp.stand_in import LogsRules
from collectors.event import Category, Event
from spool import Spool

TOKEN = "t0ken-s3cret"
ROOT = Path(__file__).parents[4]
JSON, PROTOBUF = "application/json", "application/x-protobuf"
ENCODINGS = pytest.mark.parametrize("encoding", ["json", "protobuf"])


def outgoing(*titles):
    events = [
        {"event_type": "DeployedEvent", "msg_title": one, "msg_text": "v2", "timestamp": 1} for one in titles
    ]
    return some("edge-01", [OutgoingEvent("custom", json.dumps(one).encode(), 2.0) for one in events])


ONE = outgoing("deployed")


def partial_success(encoding, rejected, message):
    """Return the answer of a receiver, as `opentelemetry-proto` or the JSON mapping writes it."""
    if encoding == "json":
        said = {"rejectedLogRecords": str(rejected), "errorMessage": message}
        return Reply(200, json.dumps({"partialSuccess": said}).encode(), JSON)
    said = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
    return Reply(200, ExportLogsServiceResponse(partial_success=said).SerializeToString(), PROTOBUF)


@pytest.fixture
def receiver():
    with registry.stand_in("otlp", credential=TOKEN) as one:
        yield one


@pytest.fixture
def destination():
    made = []

    def make(url, **settings):
        settings = {"token": types.Secret(TOKEN)} | settings
        settings = {key: value for key, value in settings.items() if value is not None}
        made.append(Otlp("logs", OtlpSettings(url=types.Url(url), **settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@ENCODINGS
def test_a_request_is_gzip_and_what_opentelemetry_reads(receiver, destination, encoding):
    seen = []
    receiver.intercept = seen.append
    assert destination(receiver.url, encoding=encoding).deliver(ONE, 5) == Delivered()
    [request] = seen
    assert request.path == "/v1/logs"
    assert request.header("content-encoding") == "gzip"
    body = gzip.decompress(request.body)
    if encoding == "json":
        assert request.header("content-type") == JSON
        assert json.loads(body)["resourceLogs"]
    else:
        assert request.header("content-type") == PROTOBUF
        assert ExportLogsServiceRequest.FromString(body).resource_logs
    assert receiver.report.broken == {}


@pytest.mark.parametrize("ending", ["", "/", "/v1/logs", "/v1/logs/"])
def test_the_url_is_the_base_and_may_be_pasted_whole(receiver, destination, ending):
    assert destination(receiver.url + ending).deliver(ONE, 5) == Delivered()


def test_the_scheme_is_the_word_of_the_receiver(receiver, destination):
    seen = []
    receiver.intercept = seen.append
    for settings in ({}, {"scheme": "Api-Token"}):
        assert destination(receiver.url, **settings).deliver(ONE, 5) == Delivered()
    words = [one.header("authorization") for one in seen]
    assert words == [f"Bearer {TOKEN}", f"Api-Token {TOKEN}"]


def test_headers_are_sent_and_are_secrets(receiver, destination):
    secret = "dd-s3cret-k3y"
    receiver.intercept = lambda request: Reply(500, f"odd {request.headers}".encode())
    headers = {"DD-API-KEY": types.Secret(secret), "X-Scope-OrgID": types.Secret("7")}
    one = destination(receiver.url, headers=headers)
    outcome = one.deliver(ONE, 5)
    assert "dd-api-key" in outcome.reason
    assert "'x-scope-orgid', '7'" in outcome.reason
    assert secret not in repr(outcome) + repr(one)
    assert secret not in str(plain(OtlpSettings(url=types.Url(receiver.url), headers=headers)))


def test_a_header_may_be_the_whole_credential(receiver, destination):
    headers = {"Authorization": types.Secret(f"ApiKey {TOKEN}")}
    one = destination(receiver.url, token=None, headers=headers)
    assert one.deliver(ONE, 5) == Delivered()
    assert not one.credential_changed()


def test_without_a_credential_none_is_sent(destination):
    with registry.stand_in("otlp") as receiver:
        seen = []
        receiver.intercept = seen.append
        assert destination(receiver.url, token=None).deliver(ONE, 5) == Delivered()
        assert not seen[0].header("authorization")


@pytest.mark.parametrize("status", [401, 403])
@ENCODINGS
def test_a_credential_that_is_not_taken_pauses(receiver, destination, encoding, status):
    receiver.intercept = lambda _: Reply(status, b"no")
    assert isinstance(destination(receiver.url, encoding=encoding).deliver(ONE, 5), Paused)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@ENCODINGS
def test_a_receiver_that_is_busy_is_asked_again_when_it_says(receiver, destination, encoding, status):
    receiver.intercept = lambda _: Reply(status, b"", headers={"Retry-After": "9"})
    outcome = destination(receiver.url, encoding=encoding).deliver(ONE, 5)
    assert isinstance(outcome, RetryLater)
    assert outcome.after_seconds == 9


@ENCODINGS
def test_a_refusal_says_the_words_of_the_receiver(receiver, destination, encoding):
    words = "the field has no such type"
    if encoding == "json":
        reply = Reply(400, json.dumps({"code": 3, "message": words}).encode(), JSON)
    else:  # a google.rpc.Status has its code and its message in these two fields
        status = ExportLogsPartialSuccess(rejected_log_records=3, error_message=words)
        reply = Reply(400, status.SerializeToString(), PROTOBUF)
    receiver.intercept = lambda _: reply
    outcome = destination(receiver.url, encoding=encoding).deliver(ONE, 5)
    assert isinstance(outcome, Refused)
    assert words in outcome.reason
    assert outcome.reason.isprintable()


@pytest.mark.parametrize("rejected", [1, 300])
@ENCODINGS
def test_a_partial_success_is_a_refusal_that_names_no_event(receiver, destination, encoding, rejected):
    receiver.intercept = lambda _: partial_success(encoding, rejected, f"too old\n{TOKEN}")
    outcome = destination(receiver.url, encoding=encoding).deliver(outgoing("a", "b"), 5)
    assert outcome == Refused(f"partial success, {rejected} of 2 rejected: too old ***")


@pytest.mark.parametrize(
    "body",
    [
        b'{"partialSuccess": {"rejectedLogRecords": 1}}',
        b'{"partial_success": {"rejected_log_records": "1"}}',
    ],
)
@ENCODINGS
def test_a_partial_success_is_read_as_other_writers_of_json_have_it(receiver, destination, encoding, body):
    receiver.intercept = lambda _: Reply(200, body, JSON)
    assert isinstance(destination(receiver.url, encoding=encoding).deliver(ONE, 5), Refused)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"ok",
        b"[]",
        b'{"partialSuccess": {}}',
        b'{"partialSuccess": {"rejectedLogRecords": "many"}}',
    ],
)
@pytest.mark.parametrize("content_type", [JSON, PROTOBUF, "text/plain"])
@ENCODINGS
def test_a_success_that_says_nothing_is_one(receiver, destination, encoding, content_type, body):
    receiver.intercept = lambda _: Reply(200, body, content_type)
    assert destination(receiver.url, encoding=encoding).deliver(ONE, 5) == Delivered()


@ENCODINGS
def test_a_warning_beside_a_success_is_logged_once(receiver, destination, encoding, caplog):
    caplog.set_level(logging.INFO)
    receiver.intercept = lambda _: partial_success(encoding, 0, f"attributes were cut {TOKEN}")
    one = destination(receiver.url, encoding=encoding)
    assert [one.deliver(ONE, 5) for _ in range(3)] == [Delivered()] * 3
    [record] = caplog.records
    assert record.getMessage() == "logs: the receiver took everything and says: attributes were cut ***"
    assert record.levelname == "WARNING"


@dataclass
class Picky:
    """A receiver that takes all but some records, and says so as the protocol has it."""

    encoding: str
    bad: frozenset[str]
    inner: LogsRules

    def destination(self, origin):
        return self.inner.destination(origin)

    def judge(self, request, *, is_too_large):
        verdict = self.inner.judge(request, is_too_large=is_too_large)
        taken = [one for one in verdict.events if one.title not in self.bad]
        rejected = len(verdict.events) - len(taken)
        reply = partial_success(self.encoding, rejected, "too old") if rejected else verdict.reply
        return Verdict(reply, taken, verdict.broken)


def captured(spool, titles):
    events = [
        Event(
            name="custom",
            event_type="TestedEvent",
            category=Category.ACTIVITIES,
            title=title,
            text="",
            timestamp=1_790_000_000,
        )
        for title in titles
    ]
    Capture(spool, Identity("h")).keep(events, "test", {})


def deliver_all(spool, receiver, destination, settings):
    spool.positions.attach("logs", destination.identity, kinds=destination.kinds)
    quick = msgspec.structs.replace(
        settings, backoff=types.Backoff(initial=types.Duration(0.01), max=types.Duration(0.05))
    )
    loop = DeliveryLoop(destination, quick, spool, hostname=lambda: "h", clocks=Clocks(), look_seconds=0.02)
    loop.start()
    try:
        assert loop.flush(120), receiver.report.lines()
    finally:
        assert loop.stop(5)


@pytest.mark.parametrize("bad", [{0}, {41}, {7, 8, 63}], ids=str)
@ENCODINGS
def test_of_a_partial_success_those_alone_are_rejected_that_are_at_fault(
    tmp_path, destination, encoding, bad
):
    titles = [f"event-{at:03}" for at in range(64)]
    wrong = frozenset(titles[at] for at in bad)
    with (
        StandIn(Picky(encoding, wrong, LogsRules(TOKEN))) as receiver,
        Spool.open(tmp_path / "spool") as spool,
    ):
        captured(spool, titles)
        one = destination(receiver.url, encoding=encoding)
        deliver_all(spool, receiver, one, OtlpSettings(url=types.Url(receiver.url)))
        arrived = [received.title for received in receiver.received]
        assert set(arrived) == set(titles) - wrong
        assert {json.loads(entry.body)["msg_title"] for entry in spool.rejected.entries()} == wrong
        assert receiver.report.requests <= 1 + len(bad) * 14
        by_title = {received.title: received.identifier for received in receiver.received}
        assert len({received.identifier for received in receiver.received}) == len(by_title)


def test_a_missing_library_is_said_with_what_to_do():
    script = (
        "import sys; sys.modules['google.protobuf'] = None\n"
        "from agent.systems.registry import make_destination; from agent.systems.system import Surroundings\n"
        "from agent.systems.otlp.settings import OtlpSettings; from agent.systems.otlp.probe import probe\n"
        "settings = OtlpSettings(url='http://127.0.0.1:1', encoding='protobuf')\n"
        "found = probe('logs', settings, 1); print(found.level, found.text, found.advice)\n"
        "make_destination('logs', settings, Surroundings())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert "fail encoding: protobuf needs a library that is not installed here" in done.stdout
    assert "DestinationError: encoding: protobuf needs a library" in done.stderr
    assert "install the extra otlp" in done.stderr


def loaded_by(directory, destination):
    """Return the modules of a program that reads a configuration, makes its destination and opens the intake."""
    (directory / "agent.yaml").write_text(json.dumps({"destinations": {"it": destination}}))
    script = (
        "import sys, pathlib; from agent.configuration.load import load\n"
        "from agent.systems.registry import dialects, make_destination\n"
        "from agent.systems.system import Surroundings\n"
        f"loaded = load(pathlib.Path({str(directory / 'agent.yaml')!r}), environ={{}})\n"
        "for name, settings in loaded.settings.destinations.items():\n"
        "    make_destination(name, settings, Surroundings())\n"
        "dialects(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_nothing_of_it_is_loaded_where_it_is_not_configured(tmp_path):
    loaded = loaded_by(tmp_path, {"url": "http://h/stsAgent", "api_key": "k"})
    assert not [name for name in loaded if name.startswith(("agent.systems.otlp", "google", "opentelemetry"))]


@ENCODINGS
def test_protobuf_is_loaded_by_that_encoding_alone(tmp_path, encoding):
    loaded = loaded_by(tmp_path, {"type": "otlp", "url": "http://h:4318", "encoding": encoding})
    assert "agent.systems.otlp.destination" in loaded
    assert "agent.systems.otlp.stand_in" not in loaded
    assert ("google.protobuf" in loaded) == (encoding == "protobuf")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("token: a, token_file: /dev/null", "give token or token_file, not both"),
        ("token: a, headers: {authorization: b}", "give a token or the header authorization"),
        ("headers: {Content-Type: text/plain}", "headers may not set content-type"),
        ("headers: {'a b': c}", "no name of a header"),
        ("headers: {X-A: b, x-a: c}", "headers names one header twice"),
        ("headers: {X-A: 'ключ'}", "not ASCII"),
        ("scheme: 'two words'", "must be one word, as Bearer"),
        ("encoding: xml", "must be one of json, protobuf"),
    ],
)
def test_what_cannot_be_sent_is_an_error_of_check(tmp_path, entry, problem):
    file = tmp_path / "agent.yaml"
    file.write_text(f"destinations:\n  logs: {{type: otlp, url: 'http://h', {entry}}}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ={}, strict=False)
    [found] = [one for one in caught.value.problems if problem in str(one)]
    assert str(found).startswith(f"{file}:2: destinations.logs")


@ENCODINGS
def test_doctor_tries_the_address_and_the_credential_without_an_event(receiver, encoding, tmp_path):
    def found(url, **settings):
        settings = {"encoding": encoding, "token": types.Secret(TOKEN)} | settings
        return probe("logs", OtlpSettings(url=types.Url(url), **settings), 5)

    assert found(receiver.url).level == "ok"
    assert not receiver.received
    wrong = found(receiver.url, token=types.Secret("wrong-token"))
    assert (wrong.level, "does not take the credential" in wrong.text) == ("fail", True)
    assert found(f"{receiver.url}/elsewhere").text.endswith("has no /v1/logs")
    assert found(receiver.url, token=None, token_file=tmp_path / "none").level == "fail"
    assert found("http://127.0.0.1:1").level == "fail"
    receiver.intercept = lambda _: replace(Reply(500), body=b"?")
    assert found(receiver.url).level == "warn"
