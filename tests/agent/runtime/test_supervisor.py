"""Collectors are kept running, each by itself, and only the run that counts may emit."""

import logging
import resource
import select
import threading
from dataclasses import dataclass, field

import msgspec
import pytest

from agent.runtime.supervisor import CollectorServices, Supervisor, Timeouts, begin_anew, restart_wait
from collectors.collector import Absence, NotApplicable, NotKept, Registration, Retired, Runtime, Scoped
from collectors.event import Category, Event
from spool import SpoolFull, Stamp
from spool.stamp import SUFFIXES

PATIENCE_SECONDS = 120


class Settings(msgspec.Struct, frozen=True):
    watch: str = ""


def event() -> Event:
    return Event(
        name="config", event_type="T", category=Category.CHANGES, title="t", text="", timestamp=1_700_000_000
    )


@dataclass
class Script:
    """A collector that does in each run what the test says, and its registration."""

    runs: list = field(default_factory=list)
    made: list = field(default_factory=list)
    runtimes: list = field(default_factory=list)
    began: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def registration(self) -> Registration:
        def create(entries):
            self.made.append(entries)
            return self

        return Registration(entry=Settings, create=create)

    def run(self, runtime: Runtime) -> None:
        self.runtimes.append(runtime)
        step = self.runs.pop(0) if self.runs else until_stopped
        self.began.release()
        step(runtime)

    def wait_for_run(self) -> Runtime:
        assert self.began.acquire(timeout=PATIENCE_SECONDS)
        return self.runtimes[-1]


def until_stopped(runtime: Runtime) -> None:
    runtime.stop.wait()


def fail(_: Runtime) -> None:
    raise ZeroDivisionError("on purpose")


@pytest.fixture
def kept():
    return []


@pytest.fixture
def supervised(kept, tmp_path):
    made = []

    def make(keep=lambda: None, stop_seconds=PATIENCE_SECONDS, **scripts: Script) -> Supervisor:
        def keep_all(events, owner, remember, _texts):
            keep()
            kept.append((owner, list(events), dict(remember)))

        absences = {name: Absence() for name in scripts}
        lent = CollectorServices(
            memory=lambda _: {},
            absence=absences.__getitem__,
            keep=keep_all,
            flush=lambda _: None,
            stamp=lambda name: Stamp(tmp_path, name),
        )
        registry = {name: script.registration() for name, script in scripts.items()}
        made.append(Supervisor(registry, lent, Timeouts(0.001, stop_seconds)))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.stop()


ONE = (Scoped(Settings("one")),)
TWO = (Scoped(Settings("two")),)


def wait_for_phase(supervisor: Supervisor, name: str, phase: str) -> None:
    turn = threading.Event()
    for _ in range(PATIENCE_SECONDS * 100):
        if supervisor.states()[name].phase == phase:
            return
        turn.wait(0.01)
    raise AssertionError(supervisor.states()[name])


def test_a_collector_gets_its_entries_and_runs(supervised):
    script = Script()
    supervisor = supervised(files=script)
    supervisor.reconfigure({"files": ONE})
    script.wait_for_run()
    assert script.made == [[*ONE]]
    assert supervisor.states()["files"].phase == "running"


def test_a_run_that_fails_is_started_again_on_a_new_runtime(supervised, caplog):
    script = Script(runs=[fail])
    with caplog.at_level(logging.ERROR):
        supervised(files=script).reconfigure({"files": ONE})
        script.wait_for_run()
        script.wait_for_run()
    first, second = script.runtimes
    assert first is not second
    assert "on purpose" in caplog.text


def test_a_run_whose_memory_is_lost_is_started_again_without_a_traceback(supervised, caplog):
    script = Script(runs=[lambda _: begin_anew()])
    with caplog.at_level(logging.ERROR):
        supervisor = supervised(files=script)
        supervisor.reconfigure({"files": ONE})
        script.wait_for_run()
        script.wait_for_run()
    assert supervisor.states()["files"].restarts == 1
    assert not caplog.text, "the spool has told of it"


def test_that_the_agent_was_not_running_is_over_for_all_runs_once_one_has_caught_up(supervised):
    def catch_up(runtime):
        runtime.absence.lasts = False
        fail(runtime)

    script, other = Script(runs=[fail, catch_up]), Script()
    supervised(files=script, host=other).reconfigure({"files": ONE, "host": ONE})
    before, caught_up, after = [script.wait_for_run() for _ in range(3)]
    assert before.absence is caught_up.absence is after.absence
    assert not after.absence.lasts
    assert other.wait_for_run().absence.lasts


def test_a_run_that_returns_unasked_is_started_again(supervised):
    script = Script(runs=[lambda _: None])
    supervised(files=script).reconfigure({"files": ONE})
    script.wait_for_run()
    script.wait_for_run()


def test_one_that_fails_takes_no_other_with_it(supervised):
    failing, other = Script(runs=[fail] * 3), Script()
    supervisor = supervised(files=failing, host=other)
    supervisor.reconfigure({"files": ONE, "host": ONE})
    other.wait_for_run()
    for _ in range(4):
        failing.wait_for_run()
    assert supervisor.states()["host"].restarts == 0
    assert supervisor.states()["files"].restarts == 3


def test_what_is_not_applicable_here_is_quiet_and_stays_so(supervised, caplog):
    def not_here(_: Runtime) -> None:
        raise NotApplicable("no systemd")

    script = Script(runs=[not_here])
    supervisor = supervised(services=script)
    with caplog.at_level(logging.WARNING):
        supervisor.reconfigure({"services": ONE})
        wait_for_phase(supervisor, "services", "not applicable")
    assert supervisor.states()["services"].detail == "no systemd"
    assert supervisor.is_alive()
    assert not caplog.text


def test_what_a_collector_reports_is_in_its_state(supervised):
    script = Script()
    supervisor = supervised(files=script)
    supervisor.reconfigure({"files": ONE})
    script.wait_for_run().report("watching 3 files")
    assert supervisor.states()["files"].detail == "watching 3 files"


def test_an_emit_is_kept_under_the_collectors_name(supervised, kept):
    script = Script()
    supervised(files=script).reconfigure({"files": ONE})
    happened = event()
    script.wait_for_run().emit([happened], {"k": b"v"})
    assert kept == [("files", [happened], {"k": b"v"})]


def test_an_emit_of_a_run_that_was_replaced_is_refused(supervised, kept):
    script = Script(runs=[fail])
    supervised(files=script).reconfigure({"files": ONE})
    script.wait_for_run()
    script.wait_for_run()
    first = script.runtimes[0]
    with pytest.raises(Retired):
        first.emit([event()], {})
    assert not kept


def test_an_emit_of_a_run_that_does_not_end_is_refused_after_it_was_stopped(supervised, kept, caplog):
    release = threading.Event()
    script = Script(runs=[lambda _: release.wait()])
    supervisor = supervised(files=script, stop_seconds=0.1)
    supervisor.reconfigure({"files": ONE})
    stuck = script.wait_for_run()
    supervisor.reconfigure({"files": TWO})
    script.wait_for_run().emit([], {"new": b""})
    with pytest.raises(Retired):
        stuck.emit([event()], {"old": b""})
    release.set()
    assert kept == [("files", [], {"new": b""})]
    assert "abandoned" in caplog.text


def test_a_run_stamps_under_its_own_name_until_it_is_replaced(supervised, tmp_path):
    script = Script(runs=[fail])
    supervised(files=script).reconfigure({"files": ONE})
    script.wait_for_run()
    script.wait_for_run()
    first, second = script.runtimes
    second.stamp.write(b"of the second")
    with pytest.raises(Retired):
        first.stamp.write(b"of the first")
    assert second.stamp.read() == Stamp(tmp_path, "files").read() == b"of the second"


def test_a_stamp_that_cannot_be_written_is_said_to_the_collector_as_not_kept(supervised, tmp_path):
    for suffix in SUFFIXES:
        (tmp_path / f"files{suffix}").mkdir()
    script = Script()
    supervised(files=script).reconfigure({"files": ONE})
    with pytest.raises(NotKept, match="cannot be written"):
        script.wait_for_run().stamp.write(b"x")


def test_a_last_event_while_ending_is_kept(supervised, kept):
    def tell_at_the_end(runtime: Runtime) -> None:
        runtime.stop.wait()
        runtime.emit([event()], {})

    script = Script(runs=[tell_at_the_end])
    supervisor = supervised(host=script)
    supervisor.reconfigure({"host": ONE})
    script.wait_for_run()
    supervisor.stop()
    assert len(kept) == 1
    assert supervisor.states()["host"].phase == "stopped"


def test_a_full_spool_is_said_to_the_collector_as_not_kept(supervised):
    def full():
        raise SpoolFull("full", "make room")

    script = Script()
    supervised(keep=full, files=script).reconfigure({"files": ONE})
    with pytest.raises(NotKept):
        script.wait_for_run().emit([event()], {})


def test_reconfigured_alike_it_goes_on_undisturbed(supervised):
    script, other = Script(), Script()
    supervisor = supervised(files=script, host=other)
    supervisor.reconfigure({"files": ONE, "host": ONE})
    first = script.wait_for_run()
    other.wait_for_run()
    supervisor.reconfigure({"files": (Scoped(Settings("one")),), "host": TWO})
    other.wait_for_run()
    assert script.runtimes == [first]
    assert not first.stop.is_set()
    assert len(other.runtimes) == 2


def test_one_that_is_configured_no_more_ends(supervised):
    script = Script()
    supervisor = supervised(files=script)
    supervisor.reconfigure({"files": ONE})
    runtime = script.wait_for_run()
    supervisor.reconfigure({})
    assert runtime.stop.is_set()
    assert supervisor.states() == {}


def test_the_request_to_end_can_be_polled(supervised):
    readable = []

    def poll(runtime: Runtime) -> None:
        readable.extend(select.select([runtime.stop], [], [], PATIENCE_SECONDS)[0])

    script = Script(runs=[poll])
    supervisor = supervised(files=script)
    supervisor.reconfigure({"files": ONE})
    runtime = script.wait_for_run()
    supervisor.stop()
    assert readable == [runtime.stop]


def test_the_wait_doubles_is_capped_and_never_the_same_for_all():
    assert [restart_wait(failures, jitter=lambda: 1) for failures in (0, 1, 2, 8, 1000)] == [
        1,
        2,
        4,
        256,
        300,
    ]
    assert restart_wait(0, jitter=lambda: 0) == 0.5


def test_a_collector_that_gets_no_descriptor_is_started_later_and_hinders_no_other(supervised, caplog):
    one, other = Script(), Script()
    supervisor = supervised(one=one, other=other)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    supervisor.reconfigure({"one": (Scoped(Settings()),)})
    one.wait_for_run()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        supervisor.reconfigure({name: (Scoped(Settings()),) for name in ("one", "other")})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    states = supervisor.states()
    assert states["one"].phase == "running"
    assert states["other"].phase == "restarting"
    assert "Too many open files" in states["other"].detail
    assert supervisor.is_owing
    assert "collector other cannot be started yet" in caplog.text
    supervisor.reconfigure({name: (Scoped(Settings()),) for name in ("one", "other")})
    other.wait_for_run()
    assert not supervisor.is_owing
    assert len(one.made) == 1


def test_a_collector_that_gets_no_thread_is_started_later(supervised):
    one = Script()
    supervisor = supervised(one=one)
    before = threading.stack_size(1 << 46)  # more than there is: the kernel has no thread for us
    try:
        supervisor.reconfigure({"one": (Scoped(Settings()),)})
    finally:
        threading.stack_size(before)
    assert supervisor.states()["one"].phase == "restarting"
    assert supervisor.is_alive()
    supervisor.reconfigure({"one": (Scoped(Settings()),)})
    one.wait_for_run()


def test_one_that_is_no_longer_configured_is_owed_no_start(supervised):
    supervisor = supervised(one=Script())
    before = threading.stack_size(1 << 46)
    try:
        supervisor.reconfigure({"one": (Scoped(Settings()),)})
    finally:
        threading.stack_size(before)
    supervisor.reconfigure({})
    assert not supervisor.is_owing
    assert supervisor.states() == {}
