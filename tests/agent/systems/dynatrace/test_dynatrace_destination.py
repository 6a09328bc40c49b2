"""The Dynatrace destination against the strict environment, both versions of its API."""

import json
import time

import pytest

from agent.configuration import types
from agent.delivery.outcome import Delivered, Paused, Refused, RetryLater
from agent.delivery.outgoing import OutgoingEvent, some
from agent.stand_in import Reply
from agent.systems import registry
from agent.systems.dynatrace.destination import Dynatrace
from agent.systems.dynatrace.probe import probe
from agent.systems.dynatrace.settings import Attach, DynatraceSettings

TOKEN = "dt0c01.secret"
MINUTE, DAY = 60, 86_400
VERSIONS = pytest.mark.parametrize("api", ["v1", "v2"])


def outgoing(age_seconds=0, category="Alerts", **fields):
    context = {"category": category, "source": "sts-agent", "source_identifier": "id-1", "data": {}}
    event = {
        "event_type": "ServiceFailedEvent",
        "msg_title": "it failed",
        "msg_text": "",
        "timestamp": int(time.time()) - age_seconds,
        "context": context,
        **fields,
    }
    return some("edge-01", [OutgoingEvent("service", json.dumps(event).encode(), captured=time.time())])


@pytest.fixture
def environment():
    with registry.stand_in("dynatrace", credential=TOKEN) as one:
        yield one


@pytest.fixture
def destination():
    made = []

    def make(url, **settings):
        if "api_token_file" not in settings:
            settings.setdefault("api_token", types.Secret(TOKEN))
        settings.setdefault("attach", Attach(tags=("edge",)))
        made.append(Dynatrace("desk", DynatraceSettings(url=types.Url(url), **settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@VERSIONS
@pytest.mark.parametrize("prefix", ["", "/e/env-1", "/e/env-1/", "/e/env-1/api/v1/events"])
def test_an_event_arrives_below_the_base_and_breaks_no_rule(environment, destination, api, prefix):
    assert destination(environment.url + prefix, api=api).deliver(outgoing(), 10) == Delivered()
    [received] = environment.received
    assert received.event["eventType"] == "ERROR_EVENT"
    assert received.identifier == "id-1"
    assert environment.report.broken == {}


@pytest.mark.parametrize(
    ("api", "still", "late"), [("v1", 59 * MINUTE, 61 * MINUTE), ("v2", 359 * MINUTE, 361 * MINUTE)]
)
def test_a_problem_that_is_too_late_goes_as_information_with_its_type_and_time(
    environment, destination, api, still, late
):
    it = destination(environment.url, api=api)
    assert it.deliver(outgoing(still), 10) == Delivered()
    assert it.deliver(outgoing(late), 10) == Delivered()
    first, second = (one.event for one in environment.received)
    assert first["eventType"] == "ERROR_EVENT"
    assert second["eventType"] == "CUSTOM_INFO"
    properties = second["customProperties" if api == "v1" else "properties"]
    assert properties["original_event_type"] == "ERROR_EVENT"
    assert int(properties["original_start"]) // 1000 <= time.time() - late
    assert environment.report.broken == {}


@VERSIONS
def test_an_information_of_more_than_30_days_is_rejected_without_asking(environment, destination, api):
    it = destination(environment.url, api=api)
    assert it.deliver(outgoing(29 * DAY, "Activities"), 10) == Delivered()
    outcome = it.deliver(outgoing(31 * DAY, "Activities"), 10)
    assert isinstance(outcome, Refused)
    assert outcome.is_verdict
    assert "30 days" in outcome.reason
    assert environment.report.requests == 1


def reports(count, *statuses):
    results = [{"correlationId": "c", "status": status} for status in statuses]
    return Reply(201, json.dumps({"reportCount": count, "eventIngestResults": results}).encode())


def test_a_report_of_nothing_is_no_success_and_is_tried_again_for_15_minutes(environment, destination):
    environment.intercept = lambda _: reports(0)
    before = time.time()
    outcome = destination(environment.url, api="v2").deliver(outgoing(), 10)
    assert isinstance(outcome, Refused)
    assert not outcome.is_verdict
    assert before + 899 < outcome.retry_until < time.time() + 901


@pytest.mark.parametrize("status", ["INVALID_ENTITY_TYPE", "INVALID_METADATA", "INVALID_TIMESTAMPS"])
@pytest.mark.parametrize("count", [0, 1])
def test_a_report_of_an_invalid_event_rejects_it_at_once(environment, destination, status, count):
    environment.intercept = lambda _: reports(count, status)
    outcome = destination(environment.url, api="v2").deliver(outgoing(), 10)
    assert isinstance(outcome, Refused)
    assert outcome.is_verdict
    assert status in outcome.reason


def test_an_event_that_one_of_its_entities_took_is_delivered(environment, destination):
    environment.intercept = lambda _: reports(2, "INVALID_ENTITY_TYPE", "OK")
    assert destination(environment.url, api="v2").deliver(outgoing(), 10) == Delivered()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(
            400,
            b'{"error":{"code":400,"message":"Invalid attachRules object provided. No entity IDs match: []"}}',
        ),
        Reply(200, b'{"storedEventIds":[],"storedIds":[],"storedCorrelationIds":[]}'),
    ],
)
def test_an_entity_that_is_not_known_yet_is_waited_for(environment, destination, reply):
    environment.intercept = lambda _: reply
    outcome = destination(environment.url).deliver(outgoing(), 10)
    assert isinstance(outcome, Refused)
    assert outcome.retry_until is not None


def test_a_throttled_environment_is_left_alone_as_long_as_it_asks(environment, destination):
    environment.intercept = lambda _: Reply(429, b"{}", headers={"Retry-After": "7"})
    assert destination(environment.url).deliver(outgoing(), 10).after_seconds == 7
    environment.intercept = lambda _: Reply(503, b"{}")
    assert isinstance(destination(environment.url).deliver(outgoing(), 10), RetryLater)


def test_an_unknown_token_pauses_and_comes_out_nowhere(environment, destination):
    outcome = destination(environment.url, api_token=types.Secret("dt0c01.wrong")).deliver(outgoing(), 10)
    assert isinstance(outcome, Paused)
    assert "401" in outcome.reason
    assert "dt0c01.wrong" not in f"{outcome} {environment.report.lines()}"


def test_doctor_says_what_it_can_know_of_it(environment, tmp_path):
    def found(url, **settings):
        given = DynatraceSettings(url=types.Url(url), attach=Attach(tags=("edge",)), **settings)
        return probe("desk", given, 2).level

    assert found(environment.url, api_token=types.Secret(TOKEN)) == "ok"
    assert found(environment.url, api_token=types.Secret("wrong")) == "fail"
    assert found("http://127.0.0.1:1", api_token=types.Secret(TOKEN)) == "fail"
    assert found(environment.url, api_token_file=tmp_path / "token") == "fail"


@pytest.mark.parametrize("changed", [{"attach": {}}, {"attach": None}, {"problem_timeout": "121m"}])
def test_a_configuration_that_could_attach_to_nothing_or_last_too_long_is_refused(tmp_path, changed):
    from agent.configuration.load import load
    from agent.configuration.problem import ConfigurationError

    entry = {
        "type": "dynatrace",
        "url": "http://x",
        "api_token": "t",
        "attach": {"tags": ["edge"]},
        **changed,
    }
    entry = {key: value for key, value in entry.items() if value is not None}
    file = tmp_path / "agent.yaml"
    file.write_text(json.dumps({"destinations": {"desk": entry}}))
    with pytest.raises(ConfigurationError, match=r"attach|problem_timeout"):
        load(file, environ={}, strict=False)


def test_a_token_that_masks_a_word_of_the_answer_makes_no_success_of_it(environment, destination):
    environment.rules = registry.system("dynatrace").stand_in("Count", 1 << 20)
    environment.intercept = lambda _: reports(0)
    it = destination(environment.url, api="v2", api_token=types.Secret("Count"))
    assert isinstance(it.deliver(outgoing(), 10), Refused)
