"""When a receiver is told of topology and health: state beside the events, never behind them and never in their way."""

import json
import threading
import time
import zlib

import pytest

from agent.configuration import types
from agent.configuration.problem import ConfigurationError
from agent.delivery.loop import DeliveryLoop
from agent.events.capture import Clocks
from agent.events.host_state import HostState
from agent.stand_in import Reply
from agent.systems.stackstate.destination import StackState
from agent.systems.stackstate.settings import StackStateSettings
from agent.systems.stackstate.snapshots import FIRST_SECONDS, SOON_SECONDS, Snapshots
from agent.systems.stackstate.stand_in import Receiver
from agent.systems.system import Surroundings
from collectors.collector import Condition, RunState
from spool import Record, Spool, compress

MINUTE, HOUR = 60, 3600
CONTEXT = {"category": "Others", "element_identifiers": ["urn:host:/h"]}


class Told:
    """Snapshots under a clock of the test's own."""

    def __init__(self, **settings):
        self.time = 1000.0
        self.hostname = "h"
        self.services = (Condition("nginx.service", RunState.UP),)
        values = {"url": types.Url("http://receiver.example.com"), **settings}
        self.snapshots = Snapshots(
            StackStateSettings(**values),
            lambda: self.hostname,
            lambda: HostState(services=self.services),
            lambda: self.time,
        )

    def next(self, key="k", *, arrives=True):
        """Wait until one is due; return (topologies, health) of it."""
        self.time += self.snapshots.due_seconds()
        made = self.snapshots.make(key, 1_700_000_000)
        if made is not None:
            (self.snapshots.told if arrives else self.snapshots.lost)()
        body = json.loads(made) if made else {"topologies": [], "health": []}
        return body["topologies"], body["health"]


def test_neither_is_on_by_default_and_then_nothing_is_ever_due():
    assert Told().snapshots.due_seconds() is None


def test_the_first_is_due_soon_after_the_start_and_the_others_at_each_interval():
    told = Told(health=True)
    assert told.snapshots.due_seconds() == FIRST_SECONDS
    told.next()
    assert told.snapshots.due_seconds() == MINUTE
    assert Told(health=True, health_interval=types.Duration(1800)).next()[1]


def test_health_goes_each_time_and_topology_when_it_is_another_or_an_hour_old():
    told = Told(health=True, topology=True)
    assert [list(map(len, told.next())) for _ in range(3)] == [[1, 1], [0, 1], [0, 1]]
    told.services = ()
    assert list(map(len, told.next())) == [1, 1]
    told.time += HOUR
    assert list(map(len, told.next())) == [1, 1]


@pytest.mark.parametrize("change", ["key", "hostname", "outage", "outage of events"])
def test_after_another_key_another_name_or_an_outage_all_of_it_goes_again(change):
    told = Told(health=True, topology=True)
    told.next()
    assert list(map(len, told.next())) == [0, 1]
    match change:
        case "hostname":
            told.hostname = "h2"
        case "outage":
            told.next(arrives=False)
        case "outage of events":
            told.snapshots.lost()
    (topology,), (health,) = told.next(key="k2" if change == "key" else "k")
    assert topology["instance"]["url"] == told.hostname
    assert health["stream"]["sub_stream_id"] == told.hostname


def test_a_topology_that_did_not_arrive_goes_again():
    told = Told(topology=True)
    assert len(told.next(arrives=False)[0]) == 1
    assert len(told.next()[0]) == 1
    assert told.next() == ([], [])


def test_a_host_without_a_name_tells_nothing():
    told = Told(health=True, topology=True)
    told.hostname = None
    assert told.next() == ([], [])
    told.hostname = "h"
    assert list(map(len, told.next())) == [1, 1]


def test_what_happens_hurries_the_next_one_within_bounds():
    told = Told(health=True)
    told.next()
    told.snapshots.hurry()
    assert told.snapshots.due_seconds() == SOON_SECONDS
    told.time += 2 * SOON_SECONDS
    told.snapshots.hurry()
    assert told.snapshots.due_seconds() == 0


@pytest.mark.parametrize("interval", ["0s", "500ms", "31m"])
def test_an_interval_that_a_receiver_does_not_take_is_a_problem(tmp_path, interval):
    from agent.configuration.load import load

    file = tmp_path / "agent.yaml"
    file.write_text(
        f"destinations: {{main: {{url: 'https://x', api_key: k, health: true, health_interval: {interval}}}}}\n"
    )
    with pytest.raises(ConfigurationError, match="health_interval must be from 1s to 30m"):
        load(file, environ={})


def test_the_instance_is_read_as_it_is_written(tmp_path):
    from agent.configuration.load import load

    file = tmp_path / "agent.yaml"
    file.write_text(
        "destinations: {main: {url: 'https://x', api_key: k, topology: true, instance: {type: mine, url: here}}}\n"
    )
    instance = load(file, environ={}).settings.destinations["main"].instance
    assert (instance.type, instance.url) == ("mine", "here")


class Side:
    """A strict receiver that keeps what it accepted: titles of events, and which of topology and health came."""

    def __init__(self):
        self.kept = []
        self.answer = lambda _: None
        self.came = threading.Condition()
        self.receiver = Receiver(api_key="k", intercept=self._intercept)

    def _intercept(self, request):
        body = json.loads(zlib.decompress(request.body))
        if (reply := self.answer(body)) is not None:
            return reply
        with self.came:
            self.kept += [one["msg_title"] for events in body["events"].values() for one in events]
            self.kept += [section for section in ("topologies", "health") if body[section]]
            self.came.notify_all()
        return None

    def wait_for(self, *wanted):
        """Wait until all these have come, each as often as it is named."""
        with self.came:
            enough = self.came.wait_for(
                lambda: all(self.kept.count(one) >= wanted.count(one) for one in wanted), 60
            )
            assert enough, self.kept


@pytest.fixture
def side():
    one = Side()
    with one.receiver:
        yield one
        assert not one.receiver.report.broken


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as one:
        yield one


@pytest.fixture
def deliver(side, spool):
    made = []

    def make(**changes):
        settings = StackStateSettings(
            url=types.Url(side.receiver.url),
            api_key=types.Secret("k"),
            backoff=types.Backoff(initial=types.Duration(0.01), max=types.Duration(0.05)),
            health_interval=types.Duration(1),
            **changes,
        )
        destination = StackState("sts", settings, Surroundings(lambda: "h", HostState))
        spool.positions.attach("sts", destination.identity, "oldest", destination.kinds)
        loop = DeliveryLoop(destination, settings, spool, hostname=lambda: "h", clocks=Clocks())
        made.append(loop)
        loop.start()
        return loop

    yield make
    for loop in made:
        assert loop.stop(0)


def keep(spool, *titles):
    bodies = [json.dumps({"msg_title": title, "msg_text": "", "context": CONTEXT}) for title in titles]
    spool.records.append(
        [
            Record(
                name="custom", count=len(titles), first_time=1, last_time=1, event_types=(), tags=(), hostname="h",
                boot_id="b", boottime=1.0, captured=time.time(), clock_trusted=True,
                segment=compress(",".join(bodies).encode()),
            )
        ]
    )  # fmt: skip


def test_it_is_told_again_and_again_while_nothing_happens(side, deliver):
    deliver(topology=True, health=True)
    side.wait_for("topologies", "health", "health", "health")
    assert side.kept.count("topologies") == 1


def test_it_is_told_again_after_an_outage_and_was_never_in_the_spool(side, spool, deliver):
    deliver(topology=True, health=True)
    side.wait_for("topologies", "health")
    side.answer = lambda _: Reply(503, b"down")
    keep(spool, "kept")
    refused = side.receiver.report
    ends = time.monotonic() + 60
    while refused.refused.total() < 2:
        assert time.monotonic() < ends
        threading.Event().wait(0.01)
    assert spool.status().events == 1
    side.answer = lambda _: None
    side.wait_for("kept", "topologies", "topologies")


@pytest.mark.parametrize("status", [400, 403, 413, 503])
def test_a_receiver_that_does_not_take_it_gets_its_events_all_the_same(side, spool, deliver, status):
    side.answer = lambda body: Reply(status, b"no") if body["topologies"] or body["health"] else None
    loop = deliver(topology=True, health=True)
    for number in range(3):
        before = side.receiver.report.refused.total()
        ends = time.monotonic() + 60
        while side.receiver.report.refused.total() == before:
            assert time.monotonic() < ends
            threading.Event().wait(0.01)
        keep(spool, f"event {number}")
        side.wait_for(f"event {number}")
    assert loop.flush(120)
    (found,) = spool.status().destinations
    assert (found.delivered_total, found.rejected_total) == (3, 0)
