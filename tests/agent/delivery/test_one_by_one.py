"""A destination of one event a request: one bad event holds back no other, and costs only itself."""

import itertools
import json
import time
from dataclasses import dataclass, field

import pytest

from agent.configuration import types
from agent.delivery.bisection import PATIENCE
from agent.delivery.loop import DeliveryLoop
from agent.delivery.outcome import Delivered, Paused, Refused, RetryLater, TooLarge
from agent.delivery.state import Phase
from spool import Segment

BACKOFF = types.Backoff(initial=types.Duration(0.01), max=types.Duration(0.05))


class Settings(types.DestinationSettings, frozen=True, kw_only=True):
    type: str = "scripted"
    url: types.Url = types.Url("http://127.0.0.1:1")
    backoff: types.Backoff = BACKOFF


@dataclass
class Scripted:
    """A destination in memory; `answer` says what becomes of the titles of a request."""

    answer: object
    max_events: int = 1
    name: str = "sts"
    identity: str = "scripted"
    kinds: frozenset = frozenset({"event"})
    asked: list = field(default_factory=list)
    has: list = field(default_factory=list)
    credential: int = 0

    def deliver(self, outgoing, timeout_seconds):
        assert timeout_seconds > 0
        titles = [json.loads(event.body)["msg_title"] for event in outgoing.events()]
        assert len(titles) == outgoing.count <= self.max_events
        self.asked.append(titles)
        outcome = self.answer(titles)
        match outcome:
            case Delivered(upto):
                self.has += titles[:upto]
            case Refused(indices=named) if named is not None:
                self.has += [title for at, title in enumerate(titles) if at not in named]
        return outcome

    def credential_changed(self):
        return False

    def cut_short(self, seconds):
        pass

    def close(self):
        pass


def refusing(*bad, **words):
    return lambda titles: Refused("no", 400, **words) if set(titles) & set(bad) else Delivered()


class Through:
    """The spool, counting what is asked of it."""

    def __init__(self, spool):
        self._spool = spool
        self.records = self
        """The same object stands for both: it has what it counts, and passes on the rest."""
        self.reads = []
        self.durable = []

    def read(self, *arguments, **options):
        batch = self._spool.records.read(*arguments, **options)
        self.reads.append(batch.events)
        return batch

    def acknowledge(self, *arguments, **options):
        self.durable.append(options["durable"])
        self._spool.records.acknowledge(*arguments, **options)

    def __getattr__(self, name):
        records = self._spool.records
        return getattr(records if hasattr(records, name) else self._spool, name)


@pytest.fixture
def deliver(spool):
    """Make a started loop to a scripted destination; it is stopped at the end."""
    made = []

    def make(destination, clocks, through=None, backoff=BACKOFF):
        spool.positions.attach(destination.name, destination.identity, kinds=destination.kinds)
        settings = Settings(backoff=backoff)
        loop = DeliveryLoop(
            destination, settings, through or spool, hostname=lambda: "h", clocks=clocks, look_seconds=0.02
        )
        made.append(loop)
        loop.start()
        return loop

    yield make
    for loop in made:
        assert loop.stop(0)


@dataclass
class Clocks:
    """This host's clocks; the wall clock is moved by the test."""

    ahead: float = 0.0
    boot_id: str = "this-boot"

    def wall(self):
        return time.time() + self.ahead

    def boottime(self):
        return 5000.0

    def is_trusted(self):
        return True


@pytest.fixture
def clocks():
    return Clocks()


@pytest.mark.parametrize("bad", "abcde")
@pytest.mark.parametrize("max_events", [1, 2, 1000])
def test_of_five_events_four_arrive_and_the_refused_one_is_rejected(host, deliver, clocks, bad, max_events):
    host.keep(*"abcde")
    side = Scripted(refusing(bad), max_events)
    assert deliver(side, clocks).flush(120)
    assert side.has == [title for title in "abcde" if title != bad]
    assert host.totals() == (4, 0, 1)
    assert len(side.asked) <= 8


def test_a_chunk_is_read_once_and_inflated_once(host, spool, deliver, clocks):
    inflations = []

    class Counted(Segment):
        """A segment that tells when its bytes are asked for."""

        def __getattribute__(self, name):
            if name == "deflated":
                inflations.append(1)
            return super().__getattribute__(name)

    class Reading(Through):
        def read(self, *arguments, **options):
            batch = super().read(*arguments, **options)
            counted = [
                piece._replace(record=piece.record._replace(segment=Counted(*piece.record.segment)))
                for piece in batch.pieces
            ]
            return batch._replace(pieces=tuple(counted))

    host.keep(*map(str, range(64)))
    through = Reading(spool)
    side = Scripted(refusing())
    assert deliver(side, clocks, through).flush(120)
    assert len(side.has) == len(side.asked) == 64
    assert [events for events in through.reads if events] == [64]
    assert len(inflations) == 1


def test_every_acknowledgement_is_synced(host, spool, deliver, clocks):
    host.keep(*map(str, range(10)))
    through = Through(spool)
    assert deliver(Scripted(refusing("3")), clocks, through).flush(120)
    assert len(through.durable) >= 9
    assert all(through.durable)


def test_an_outage_amid_a_chunk_sends_nothing_twice(host, deliver, clocks):
    failures = itertools.count()
    host.keep(*map(str, range(20)))
    side = Scripted(
        lambda titles: RetryLater("busy") if titles == ["7"] and next(failures) < 3 else Delivered()
    )
    loop = deliver(side, clocks)
    while not loop.flush(120):
        pass
    assert side.has == [str(at) for at in range(20)]


def test_a_destination_that_refuses_everything_makes_no_event_guilty(host, deliver, clocks, until):
    is_broken = [True]
    host.keep(*map(str, range(10)))
    side = Scripted(lambda _: Refused("no", 400) if is_broken else Delivered())
    loop = deliver(side, clocks)
    until(lambda: len(side.asked) > 50)
    assert host.totals() == (0, 0, 0)
    is_broken.clear()
    loop.poke()
    until(lambda: host.totals() == (10, 0, 0))


def test_a_lone_refused_event_waits_for_another_and_is_then_rejected(host, deliver, clocks, until):
    side = Scripted(refusing("bad"))
    patient = types.Backoff(initial=types.Duration(600), max=types.Duration(600))
    loop = deliver(side, clocks, backoff=patient)
    host.keep("bad")
    until(lambda: loop.state().phase is Phase.PAUSED)
    host.keep("good")
    until(lambda: host.totals() == (1, 0, 1))


@pytest.mark.parametrize("max_events", [1, 1000])
def test_what_stands_alone_is_rejected_when_what_lies_behind_it_is_accepted(
    host, deliver, clocks, max_events
):
    """Of its host or kind it is the only one: no batch ever holds another beside it."""
    host.keep("a")
    for title, apart in [("x", {"hostname": "x"}), ("y", {"hostname": "y"}), ("z", {"kind": "k"})]:
        host.keep(title, **apart)
    host.keep("not for it", kind="other")
    host.keep("b")
    side = Scripted(refusing("x", "y", "z"), max_events, kinds=frozenset({"event", "k"}))
    assert deliver(side, clocks).flush(120)
    assert side.has == ["a", "b"]
    assert host.totals() == (2, 1, 3)
    assert [entry.name for entry in host.spool.rejected.entries()] == ["custom"] * 3


def test_many_that_stand_alone_hold_up_nothing_for_ever(host, deliver, clocks, until):
    count = 3 * PATIENCE
    for at in range(count):
        host.keep(f"bad {at}", hostname=f"h{at % 2}")
    side = Scripted(lambda titles: Refused("no", 400) if titles[0].startswith("bad") else Delivered())
    deliver(side, clocks)
    until(lambda: len(side.asked) > count)
    assert host.totals() == (0, 0, 0)
    host.keep("good")
    until(lambda: host.totals() == (1, 0, count))


def test_of_what_stands_alone_none_is_guilty_where_everything_is_refused_and_all_comes_in_order(
    host, deliver, clocks, until
):
    is_broken = [True]
    for at in range(10):
        host.keep(str(at), hostname=f"h{at % 3}")
    side = Scripted(lambda _: Refused("no", 400) if is_broken else Delivered())
    patient = types.Backoff(initial=types.Duration(600), max=types.Duration(600))
    loop = deliver(side, clocks, backoff=patient)
    for tries in (10, 11, 12):
        until(lambda tries=tries: len(side.asked) == tries and loop.state().phase is Phase.PAUSED)
        assert host.totals() == (0, 0, 0)
        if tries == 12:
            is_broken.clear()
        loop.poke()
    until(lambda: host.totals() == (10, 0, 0))
    assert side.has == [str(at) for at in range(10)]


@pytest.mark.parametrize("max_events", [1, 1000])
def test_a_verdict_on_an_event_rejects_it_at_once(host, deliver, clocks, max_events):
    host.keep("bad")
    side = Scripted(refusing("bad", is_verdict=True), max_events)
    assert deliver(side, clocks).flush(120)
    assert host.totals() == (0, 0, 1)
    assert len(side.asked) == 1
    (entry,) = host.spool.rejected.entries()
    assert (entry.reason, entry.status) == ("no", 400)


def test_an_event_too_large_is_rejected_alone(host, deliver, clocks):
    host.keep(*"abc")
    side = Scripted(lambda titles: TooLarge("413 too large") if "b" in titles else Delivered(), 1000)
    assert deliver(side, clocks).flush(120)
    assert side.has == ["a", "c"]
    assert host.totals() == (2, 0, 1)


def test_a_refusal_that_names_events_rejects_them_and_sends_nothing_again(host, deliver, clocks):
    host.keep(*"abcde")
    side = Scripted(lambda _: Refused("two of them are wrong", 200, indices={1, 3}), 1000)
    assert deliver(side, clocks).flush(120)
    assert side.asked == [list("abcde")]
    assert host.totals() == (3, 0, 2)
    assert [json.loads(entry.body)["msg_title"] for entry in host.spool.rejected.entries()] == ["b", "d"]


def test_what_was_taken_of_a_request_is_not_sent_again(host, deliver, clocks):
    host.keep(*map(str, range(10)))
    side = Scripted(lambda titles: Delivered(upto=min(3, len(titles))), 1000)
    assert deliver(side, clocks).flush(120)
    assert side.has == [str(at) for at in range(10)]
    assert host.totals() == (10, 0, 0)


def test_nothing_taken_is_tried_again_later(host, deliver, clocks, until):
    answers = iter([Delivered(upto=0), Delivered(upto=0)])
    host.keep(*"ab")
    side = Scripted(lambda _: next(answers, Delivered()), 1000)
    deliver(side, clocks)
    until(lambda: host.totals() == (2, 0, 0))
    assert side.has == ["a", "b"]


class Unknown:
    """A destination that does not know an entity until it is told."""

    def __init__(self, clocks, patience_seconds=900):
        self.clocks = clocks
        self.patience_seconds = patience_seconds
        self.known = False

    def __call__(self, titles):
        if "late" in titles and not self.known:
            return Refused("no entity matches", 400, retry_until=self.clocks.wall() + self.patience_seconds)
        return Delivered()


@pytest.mark.parametrize("max_events", [1, 1000])
def test_a_refusal_that_may_pass_is_passed_over_meanwhile_and_accepted_in_the_end(
    host, deliver, clocks, until, max_events
):
    unknown = Unknown(clocks)
    side = Scripted(unknown, max_events)
    host.keep("before", "late", "after")
    deliver(side, clocks)
    until(lambda: side.has == ["before", "after"])
    until(lambda: side.asked.count(["late"]) > 2)
    host.keep("later")
    until(lambda: side.has == ["before", "after", "later"])
    unknown.known = True
    until(lambda: side.has == ["before", "after", "later", "late"])
    until(lambda: host.totals() == (4, 0, 0))


def test_a_refusal_that_does_not_pass_in_time_rejects_the_event(host, deliver, clocks, until):
    side = Scripted(Unknown(clocks))
    host.keep("late", "after")
    deliver(side, clocks)
    until(lambda: side.asked.count(["late"]) > 2)
    assert all(entry.retrying for entry in host.spool.rejected.entries())
    clocks.ahead = 901
    until(lambda: not any(entry.retrying for entry in host.spool.rejected.entries()))
    assert host.totals() == (1, 0, 1)
    (entry,) = host.spool.rejected.entries()
    assert entry.reason == "no entity matches"


def test_a_deferred_event_survives_a_restart_with_its_deadline(host, deliver, clocks, until):
    unknown = Unknown(clocks)
    side = Scripted(unknown)
    host.keep("late", "after")
    loop = deliver(side, clocks)
    until(lambda: side.has == ["after"])
    assert loop.stop(0)
    again = Scripted(unknown)
    deliver(again, clocks)
    until(lambda: again.asked.count(["late"]) > 1)
    assert again.has == []  # nothing else is sent twice
    unknown.known = True
    until(lambda: again.has == ["late"])
    until(lambda: host.totals() == (2, 0, 0))


def test_a_pause_holds_back_a_deferred_event_too(host, deliver, clocks, until):
    unknown = Unknown(clocks)
    is_locked = []
    side = Scripted(lambda titles: Paused("401") if is_locked else unknown(titles))
    host.keep("late", "after")
    loop = deliver(side, clocks)
    until(lambda: side.has == ["after"])
    is_locked.append(1)
    unknown.known = True
    until(lambda: loop.state().phase is Phase.PAUSED)
    assert host.totals()[0] == 1
    is_locked.clear()
    until(lambda: host.totals() == (2, 0, 0))
