"""What is remembered of services, and when it is told: on committed memory alone."""

import msgspec
import pytest

from collectors._services.manager_events import Kind
from collectors._services.scope import Scope, Watched
from collectors._services.transitions import Known, advance, carry_over, end_unseen
from collectors._services.unit_memory import UnitMemory
from collectors._services.unit_state import Phase, UnitState
from collectors.collector import NotKept

BOOT, NEXT = "boot-1:100", "boot-2:200"
EVERYTHING = Watched(("*.service",), ())
QUIET = Kind(quiet=True)


def running(unit, invocation, at=10):
    return UnitState(
        unit=unit,
        state="active",
        sub_state="running",
        invocation=invocation,
        changed_monotonic=at,
        left_inactive_monotonic=at,
        activated=at * 1_000_000,
        activated_monotonic=at,
    )


def failed(unit, invocation, at=20):
    return UnitState(
        unit=unit,
        state="failed",
        sub_state="failed",
        invocation=invocation,
        result="exit-code",
        changed_monotonic=at,
        left_inactive_monotonic=at - 1,
        deactivated=at * 1_000_000,
    )


class Agent:
    """One run of the collector without systemd: looks go in, what was kept comes out."""

    def __init__(self, recorder, *entries, mark=BOOT, boot_is_over=True):
        self.recorder = recorder
        self.ledger = UnitMemory(recorder.memory, Scope(entries or (EVERYTHING,)))
        self.ledger.begin(mark)
        self.boot_is_over = boot_is_over

    def reconcile(self, *looks, kind=None, late=True):
        for look in looks:
            self.take(look, kind)
        self.ledger.compared(boot_is_over=self.boot_is_over)
        return self.commit(late=late)

    def take(self, look, kind=None):
        known, steps = advance(self.ledger.known(look.unit, kind), look)
        self.ledger.take(look.unit, known, steps)

    def follow(self, *looks, kind=None):
        for look in looks:
            self.take(look, kind)
        return self.commit()

    def commit(self, *, late=False):
        before = len(self.recorder.events)
        self.ledger.commit(self.recorder.runtime.emit, while_agent_down=late)
        return [(e.event_type, e.data["unit"]) for e in self.recorder.events[before:]]


def test_the_first_sight_is_silent_and_remembered(record):
    recorder = record()
    assert Agent(recorder).reconcile(running("a.service", "x"), failed("b.service", "y")) == []
    assert {"unit/a.service", "unit/b.service"} < recorder.memory.kept.keys()


def test_what_is_as_remembered_is_silent_at_the_next_start(record):
    recorder = record()
    looks = running("a.service", "x"), failed("b.service", "y")
    Agent(recorder).reconcile(*looks)
    emits = len(recorder.emits)
    assert Agent(recorder).reconcile(*looks) == []
    assert len(recorder.emits) == emits


def test_what_changed_between_two_starts_is_told_as_late(record):
    recorder = record()
    Agent(recorder).reconcile(running("a.service", "x"))
    assert Agent(recorder).reconcile(failed("a.service", "x")) == [("ServiceFailedEvent", "a.service")]
    assert recorder.events[0].data["while_agent_down"] is True


def test_what_is_not_kept_is_not_remembered_and_found_again(record):
    recorder = record()
    agent = Agent(recorder)
    agent.reconcile()
    recorder.full = True
    with pytest.raises(NotKept):
        agent.follow(running("a.service", "x"))
    agent.ledger.forgo()
    recorder.full = False
    assert agent.follow(running("a.service", "x")) == [("ServiceStartedEvent", "a.service")]


def test_an_event_and_what_is_remembered_of_it_are_one_emit(record):
    recorder = record()
    agent = Agent(recorder)
    agent.reconcile()
    agent.follow(running("a.service", "x"), running("b.service", "y"))
    events, remember = recorder.emits[-1]
    assert [event.data["unit"] for event in events] == ["a.service", "b.service"]
    assert remember.keys() == {"unit/a.service", "unit/b.service"}


def test_the_runs_of_a_quiet_unit_are_neither_told_nor_written_but_its_failures_are(record):
    recorder = record()
    agent = Agent(recorder)
    agent.reconcile()
    emits = len(recorder.emits)
    assert agent.follow(running("job.service", "x"), kind=QUIET) == []
    assert len(recorder.emits) == emits
    assert agent.follow(failed("job.service", "y"), kind=QUIET) == [("ServiceFailedEvent", "job.service")]


def test_units_that_an_added_entry_brings_into_sight_begin_silently(record):
    recorder = record()
    Agent(recorder, Watched(("a*",), ())).reconcile(running("a.service", "x"))
    agent = Agent(recorder, Watched(("a*",), ()), Watched(("b*",), ()))
    assert agent.reconcile(running("a.service", "x"), running("b.service", "y")) == []
    assert agent.follow(failed("b.service", "y")) == [("ServiceFailedEvent", "b.service")]


def test_units_that_no_entry_means_any_more_are_forgotten_silently(record):
    recorder = record()
    Agent(recorder).reconcile(running("a.service", "x"), running("b.service", "y"))
    assert Agent(recorder, Watched(("a*",), ())).reconcile(running("a.service", "x")) == []
    assert "unit/b.service" not in recorder.memory.kept


def test_units_that_systemd_forgot_are_forgotten(record):
    recorder = record()
    agent = Agent(recorder)
    agent.reconcile(failed("gone.service", "x"), running("up.service", "y"))
    agent.ledger.forget_all_but(())
    agent.follow(running("c.service", "z"))
    assert {"unit/up.service", "unit/c.service"} < recorder.memory.kept.keys()
    assert "unit/gone.service" not in recorder.memory.kept


def test_the_first_boot_is_silent_to_its_end_but_for_failures(record):
    agent = Agent(record(), boot_is_over=False)
    agent.reconcile()
    assert agent.follow(running("slow.service", "x")) == []
    assert agent.follow(failed("bad.service", "y")) == [("ServiceFailedEvent", "bad.service")]
    agent.boot_is_over = True
    agent.reconcile(late=False)
    assert agent.follow(running("later.service", "z")) == [("ServiceStartedEvent", "later.service")]


def test_what_starts_after_the_end_of_the_first_boot_is_told_however_late_its_compare_comes(record):
    agent = Agent(record(), boot_is_over=False)
    agent.reconcile()
    agent.ledger.boot_finished_monotonic = 50
    agent.boot_is_over = True
    told = agent.reconcile(running("of-the-boot.service", "x", at=50), running("later.service", "y", at=51))
    assert told == [("ServiceStartedEvent", "later.service")]


def test_a_boot_is_silent_about_what_is_up_again_and_knows_what_is_missing(record):
    recorder = record()
    Agent(recorder).reconcile(running("a.service", "x"), running("b.service", "y"))
    agent = Agent(recorder, mark=NEXT)
    assert agent.reconcile(running("a.service", "z", at=5)) == []
    expected = dict(agent.ledger.up_or_expected())
    assert expected["b.service"].expected
    agent.ledger.take("b.service", *end_unseen(expected["b.service"], "b.service", 1_000_000))
    assert agent.commit() == [("ServiceStoppedEvent", "b.service")]
    assert recorder.events[-1].data["after_boot"] is True
    assert recorder.events[-1].source_identifier == "y:stopped"


def test_a_crash_loop_stays_one_across_a_restart_of_the_agent(record):
    recorder = record()
    agent = Agent(recorder)
    agent.reconcile()
    for number in range(5):
        agent.follow(failed("a.service", f"x{number}", at=20 + number))
    assert [e.event_type for e in recorder.events].count("ServiceFlappingEvent") == 1
    again = Agent(recorder)
    assert again.reconcile(failed("a.service", "x9", at=40)) == []


def test_events_carry_the_tags_of_every_entry_that_matches(record):
    recorder = record()
    agent = Agent(recorder, EVERYTHING, Watched(("a",), (), ("app:a",), ("urn:component:/a",)))
    agent.reconcile()
    agent.follow(running("a.service", "x"))
    assert recorder.events[0].tags == ("app:a",)
    assert recorder.events[0].element_identifiers == ("urn:component:/a",)


def test_memory_of_a_version_with_more_fields_can_be_read():
    kept = msgspec.json.encode({"mark": BOOT, "invocation": "x", "phase": "up", "of_tomorrow": 1})
    known = msgspec.json.decode(kept, type=Known)
    assert known.phase is Phase.UP
    assert carry_over(known, NEXT).expected
