"""Metrics, topologies, health and service checks of a posted body are passed on as they came, in their order."""

import itertools
import json
import threading
import time
import zlib

import pytest

from agent.configuration import types
from agent.delivery.loop import DeliveryLoop
from agent.events.capture import Clocks
from agent.stand_in import Reply
from agent.systems.stackstate.destination import StackState
from agent.systems.stackstate.settings import StackStateSettings
from agent.systems.stackstate.stand_in import Receiver
from spool import EVENT, Record, Spool, compress

COLLECTED = 1_700_000_000
SECTIONS = ("metrics", "service_checks", "topologies", "health")
TOPOLOGY = {"start_snapshot": True, "instance": {"type": "mine", "url": "u"}, "odd": [None, {"deep": [1, 2]}]}
HEALTH = {"consistency_model": "TRANSACTIONAL_INCREMENTS", "stream": {"urn": "urn:health:mine:all"}}
ITEMS = {
    "topologies": [TOPOLOGY, {**TOPOLOGY, "components": []}],
    "health": [HEALTH, {**HEALTH, "check_states": [], "odd": 2.50}],
}
"""Lists that a receiver reads closely; the others hold anything."""


def record(*items, kind=EVENT, hostname="h", collected=COLLECTED):
    """Return a record of a body's items, or of events with these titles."""
    name = kind.rpartition("/")[2] if kind != EVENT else "custom"
    bodies = [
        item if kind != EVENT else {"msg_title": item, "msg_text": "", "context": {"category": "Others"}}
        for item in items
    ]
    return Record(
        name=name,
        count=len(items),
        first_time=collected,
        last_time=collected,
        event_types=(),
        tags=(),
        hostname=hostname,
        boot_id="b",
        boottime=1.0,
        captured=time.time(),
        clock_trusted=True,
        segment=compress(b",".join(json.dumps(body).encode() for body in bodies)),
        kind=kind,
    )


class Side:
    """A strict receiver that keeps every body it has accepted."""

    def __init__(self):
        self.bodies = []
        self.is_down = False
        self.poison = b"\0"
        self.receiver = Receiver(api_key="k", intercept=self._intercept)

    def _intercept(self, request):
        if self.is_down:
            return Reply(503, b"down")
        body = zlib.decompress(request.body)
        if self.poison in body:
            return Reply(400, b"no")
        self.bodies.append(json.loads(body))
        return None

    def held(self):
        """Return (section, item) of everything accepted, in order; of events their titles."""
        for body in self.bodies:
            yield from (("events", one["msg_title"]) for events in body["events"].values() for one in events)
            yield from ((section, item) for section in SECTIONS for item in body[section])


@pytest.fixture
def side():
    one = Side()
    with one.receiver:
        yield one


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as one:
        yield one


@pytest.fixture
def deliver(side):
    """Make a loop from a spool to the receiver; each is stopped at the end."""
    made = []

    def make(spool, kinds=None):
        settings = StackStateSettings(
            url=types.Url(side.receiver.url),
            api_key=types.Secret("k"),
            backoff=types.Backoff(initial=types.Duration(0.01), max=types.Duration(0.05)),
        )
        destination = StackState("sts", settings)
        spool.positions.attach("sts", destination.identity, "oldest", kinds or destination.kinds)
        loop = DeliveryLoop(destination, settings, spool, hostname=lambda: "me", clocks=Clocks())
        made.append(loop)
        loop.start()
        return loop

    yield make
    for loop in made:
        assert loop.stop(0)


def totals(spool):
    (one,) = spool.status().destinations
    return one.delivered_total, one.filtered_total, one.rejected_total


def until(condition):
    ends = time.monotonic() + 60
    while not (value := condition()):
        assert time.monotonic() < ends
        threading.Event().wait(0.01)
    return value


@pytest.mark.parametrize("section", SECTIONS)
def test_each_list_goes_back_to_where_it_was_with_its_host_and_its_time(side, spool, deliver, section):
    anything = [{"name": "cpu", "value": 0.1}, ["odd", None, {"deep": [1, 2]}], "text"]
    items = ITEMS.get(section, anything)
    spool.records.append(
        [record(*items, kind=f"stackstate/{section}", hostname="edge-7", collected=1_600_000_000)]
    )
    assert deliver(spool).flush(120)
    empty = {one: [] for one in SECTIONS}
    assert side.bodies == [
        {
            "collection_timestamp": 1_600_000_000,
            "internalHostname": "edge-7",
            "events": {},
            **empty,
            section: items,
        }
    ]
    assert totals(spool) == (len(items), 0, 0)


def test_bodies_of_different_hosts_or_times_are_never_joined_and_the_order_stays(side, spool, deliver):
    kind = "stackstate/metrics"
    spool.records.append(
        [
            record("first"),
            record(1, kind=kind, hostname="a"),
            record(2, kind=kind, hostname="b"),
            record(3, kind=kind, hostname="b", collected=COLLECTED + 1),
            record(HEALTH, kind="stackstate/health", hostname="b", collected=COLLECTED + 1),
            record("second"),
        ]
    )
    assert deliver(spool).flush(120)
    found = [
        (b["internalHostname"], b["collection_timestamp"], b["metrics"] or b["health"]) for b in side.bodies
    ]
    assert found[1:-1] == [
        ("a", COLLECTED, [1]),
        ("b", COLLECTED, [2]),
        ("b", COLLECTED + 1, [3]),
        ("b", COLLECTED + 1, [HEALTH]),
    ]
    assert [item for _, item in side.held()] == ["first", 1, 2, 3, HEALTH, "second"]


def test_a_host_that_has_no_name_yet_gives_its_own_when_it_has(side, spool, deliver):
    spool.records.append([record(1, kind="stackstate/metrics", hostname="")])
    assert deliver(spool).flush(120)
    assert side.bodies[0]["internalHostname"] == "me"


def test_a_destination_that_does_not_take_them_passes_over_them(side, spool, deliver):
    spool.records.append([record("before"), record(1, 2, kind="stackstate/metrics"), record("after")])
    assert deliver(spool, kinds={EVENT}).flush(120)
    assert list(side.held()) == [("events", "before"), ("events", "after")]
    assert totals(spool) == (2, 2, 0)


def test_an_item_that_is_refused_is_rejected_alone_and_sent_again_as_what_it_was(side, spool, deliver):
    side.poison = b"poison"
    kind = "stackstate/service_checks"
    spool.records.append([record("ok", "poison", "fine", kind=kind, hostname="edge-7"), record("after")])
    loop = deliver(spool)
    assert loop.flush(120)
    assert [item for _, item in side.held()] == ["ok", "fine", "after"]
    (entry,) = spool.rejected.entries()
    assert (entry.kind, entry.body) == (kind, b'"poison"')
    side.poison = b"\0"
    spool.rejected.retry(None)
    loop.poke()
    until(lambda: totals(spool) == (4, 0, 0))
    last = side.bodies[-1]
    assert (last["internalHostname"], last["service_checks"]) == ("edge-7", ["poison"])
    assert last["collection_timestamp"] == COLLECTED


def test_more_than_a_request_holds_goes_in_several(side, spool, deliver):
    items = list(range(2500))
    spool.records.append([record(*items, kind="stackstate/metrics")])
    assert deliver(spool).flush(120)
    assert list(itertools.chain.from_iterable(body["metrics"] for body in side.bodies)) == items
    assert len(side.bodies) == 3
