"""Through the delivery loop: a problem is refreshed while its service is not well, an entity that is unknown is waited for."""

import json
import time

import pytest

from agent.configuration import types
from agent.delivery.loop import DeliveryLoop
from agent.events.capture import Capture
from agent.events.host_state import HostState
from agent.events.identity import Identity
from agent.stand_in import Reply
from agent.systems import registry
from agent.systems.dynatrace.settings import Attach, DynatraceSettings
from agent.systems.system import Surroundings
from collectors.collector import Condition, RunState
from collectors.event import Category, Event
from spool import Spool

UNIT = "shop.service"
TIMEOUT_SECONDS = 1.0


def failed(unit=UNIT, age_seconds=0):
    return Event(
        name="service",
        event_type="ServiceFailedEvent",
        category=Category.ALERTS,
        title=f"{unit} failed",
        text="",
        timestamp=int(time.time()) - age_seconds,
        data={"unit": unit, "result": "exit-code"},
    )


class Host:
    """A spool, what is not well, and a loop to the stand-in that can be ended and begun again."""

    def __init__(self, directory, environment, api):
        self.spool = Spool.open(directory)
        self.capture = Capture(self.spool, Identity("edge-01", ("env:prod",)))
        self.not_well = {}
        self.settings = DynatraceSettings(
            url=types.Url(environment.url),
            api=api,
            api_token=types.Secret("t"),
            attach=Attach(tags=("edge",)),
            problem_timeout=types.Duration(TIMEOUT_SECONDS),
            backoff=types.Backoff(initial=types.Duration(0.01), max=types.Duration(0.05)),
        )
        self.loop = None

    def begin(self, **changes):
        surroundings = Surroundings(
            lambda: "edge-01",
            lambda: HostState(services=tuple(Condition(*one) for one in self.not_well.items())),
            self.spool.memory,
            lambda owner, keys: self.spool.records.append([], owner=owner, remember=keys),
        )
        settings = replace_settings(self.settings, **changes)
        destination = registry.make_destination("desk", settings, surroundings)
        self.spool.positions.attach("desk", destination.identity)
        self.loop = DeliveryLoop(
            destination, settings, self.spool, hostname=lambda: "edge-01", clocks=self.capture.clocks
        )
        self.loop.start()

    def end(self):
        if self.loop is not None:
            assert self.loop.stop(5)
            self.loop = None

    def keep(self, *events):
        self.capture.keep(events, "services", {})


def replace_settings(settings, **changes):
    import msgspec

    return msgspec.structs.replace(settings, **changes)


@pytest.fixture
def environment():
    with registry.stand_in("dynatrace", credential="t") as one:
        yield one


@pytest.fixture(params=["v1", "v2"])
def host(tmp_path, environment, request):
    one = Host(tmp_path / "spool", environment, request.param)
    one.begin()
    yield one
    one.end()
    one.spool.close()


def messages(environment, count):
    return [one.event for one in environment.wait_for(count, 60)]


def test_the_same_payload_goes_again_while_the_unit_is_not_well(host, environment):
    host.not_well = {UNIT: RunState.FAILED}
    host.keep(failed())
    first, *others = messages(environment, 4)
    assert first["eventType"] == "ERROR_EVENT"
    assert all(other == first for other in others)
    assert environment.report.broken == {}


def test_an_agent_that_was_restarted_goes_on_refreshing(host, environment):
    host.not_well = {UNIT: RunState.FLAPPING}
    host.keep(failed())
    first = messages(environment, 1)[0]
    host.end()
    before = len(environment.received)
    host.begin()
    assert messages(environment, before + 2)[before:] == [first, first]


def test_what_is_well_again_is_refreshed_no_more(host, environment):
    host.not_well = {UNIT: RunState.FAILED, "other.service": RunState.FAILED}
    host.keep(failed(), failed("other.service"))
    messages(environment, 4)
    host.not_well = {"other.service": RunState.FAILED}
    before = len(environment.received)
    later = messages(environment, before + 4)[before + 1 :]  # one may have been on its way
    assert {json.dumps(one).count("other.service") > 0 for one in later} == {True}


def test_events_that_come_meanwhile_are_delivered_between(host, environment):
    host.not_well = {UNIT: RunState.FAILED}
    host.keep(failed())
    messages(environment, 2)
    host.keep(replace_settings(failed(), title="well again", category=Category.ACTIVITIES))
    environment.wait_for(lambda all_: any("well again" in json.dumps(one.event) for one in all_), 60)


def test_a_problem_that_a_long_outage_made_an_information_is_opened_when_it_still_lasts(host, environment):
    host.not_well = {UNIT: RunState.FAILED}
    host.keep(failed(age_seconds=7 * 3600))
    information, problem, *_ = messages(environment, 2)
    assert information["eventType"] == "CUSTOM_INFO"
    assert problem["eventType"] == "ERROR_EVENT"
    assert not {"start", "startTime"} & problem.keys()
    assert environment.report.broken == {}


def test_a_refresh_that_is_refused_for_good_is_given_up_and_holds_up_nothing(host, environment):
    host.not_well = {UNIT: RunState.FAILED}
    host.keep(failed())
    messages(environment, 1)
    environment.intercept = lambda request: (
        Reply(400, b"{}") if b"shop.service failed" in request.body else None
    )
    host.keep(replace_settings(failed(), title="another", category=Category.ACTIVITIES))
    environment.wait_for(lambda all_: any("another" in json.dumps(one.event) for one in all_), 60)


def test_a_filter_that_keeps_a_problem_back_keeps_its_refresh_back(host, environment):
    host.end()
    host.begin(only=types.Only(types=("OtherEvent",)))
    host.not_well = {UNIT: RunState.FAILED}
    host.keep(failed(), replace_settings(failed(), event_type="OtherEvent", title="o", data={}))
    [only] = messages(environment, 1)
    assert "OtherEvent" in json.dumps(only)
    assert host.loop is not None


def test_an_entity_that_is_not_known_yet_is_waited_for_while_later_events_go_on(host, environment):
    stored_nothing = {
        "v1": Reply(400, b'{"error":{"code":400,"message":"No entity IDs match: []"}}'),
        "v2": Reply(201, b'{"reportCount":0,"eventIngestResults":[]}'),
    }[host.settings.api]
    environment.intercept = lambda request: stored_nothing if b"too early" in request.body else None
    early = replace_settings(failed(), title="too early", category=Category.ACTIVITIES, data={})
    host.keep(early, replace_settings(early, title="later", source_identifier="another"))
    assert "later" in json.dumps(messages(environment, 1)[0])
    environment.intercept = None
    assert "too early" in json.dumps(messages(environment, 2)[1])
    assert environment.report.broken == {}
