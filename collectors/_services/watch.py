"""One connection's worth of watching: news in, compare, and events and memory out in one `emit`.

What is known lives in `UnitMemory` beyond a connection; a `Watch` ends when the bus is lost, and the next one
compares everything with the ledger. Nothing is told or remembered while the host goes down: a unit that
was stopped by the shutdown was up, and is expected back.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

from collectors._origin.evidence import Origins
from collectors._services.causes import Causes
from collectors._services.command_exits import CODES_OF_RESULTS, may_be_of_command, with_command
from collectors._services.flapping import at_rest, seconds_to_settle, settle
from collectors._services.log import LogReader
from collectors._services.manager_events import (
    JobEnded,
    Kind,
    Listed,
    News,
    Odd,
    Renewed,
    StartupFinished,
    Unloaded,
)
from collectors._services.systemd import Manager, ManagerAway
from collectors._services.transitions import Known, Step, What, advance, end_unseen, in_order
from collectors._services.unit_memory import UnitMemory
from collectors._services.unit_state import Phase, UnitState
from collectors.collector import NotKept, Runtime

RECONCILE_SECONDS = 900.0
"""How often the list of units is compared although nothing was signalled."""
BOOT_SECONDS = 300.0
"""A boot counts as over after so long, although the manager may never say so."""
_HOLD_SECONDS = 30.0
"""How long to leave alone what could not be kept."""
_AWAY_SECONDS = 5.0
_NOT_STARTED = {"dependency", "timeout", "assert"}


class Watch:
    """Watches one manager until the bus is lost or the stop is set."""

    def __init__(
        self,
        manager: Manager,
        ledger: UnitMemory,
        runtime: Runtime,
        origins: Origins | None = None,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manager = manager
        self._ledger = ledger
        self._runtime = runtime
        self._causes = Causes(origins or Origins(), manager.related, monotonic, now)
        self._now = now
        self._monotonic = monotonic
        self._kinds: dict[str, Kind] = {}
        self._reconcile_at = 0.0
        self._hold_until = 0.0
        self._postponed: list[News] = []
        self._boot_over_at: float | None = None

    def run(self) -> None:
        """Compare everything, then follow the signals; again whenever the manager was away."""
        self._manager.listen()
        while not self._runtime.stop.is_set():
            try:
                self._begin()
                while not self._runtime.stop.is_set():
                    self._follow(self._next_news())
                    self._look_at_clock()
            except ManagerAway as error:
                self._ledger.forgo()
                self._runtime.report(f"waiting for systemd: {error.problem}")
                self._wait_for_manager()

    def _begin(self) -> None:
        self._manager.subscribe()
        self._ledger.begin(self._manager.mark())
        self._boot_over_at = None
        if not self._note_end_of_boot():
            self._boot_over_at = self._manager.startup_monotonic() + BOOT_SECONDS
        self._reconcile()

    def _wait_for_manager(self) -> None:
        """Wait until the manager tells that it is there, or a while, in case that was told before."""
        end = self._monotonic() + _AWAY_SECONDS
        while not self._runtime.stop.is_set() and (left := end - self._monotonic()) > 0:
            if any(isinstance(item, Renewed) for item in self._manager.news(left)):
                return

    def _next_news(self) -> list[News]:
        postponed, self._postponed = self._postponed, []
        return postponed or self._manager.news(self._seconds_to_next())

    def _seconds_to_next(self) -> float:
        deadlines = [self._reconcile_at]
        if self._boot_over_at is not None:
            deadlines.append(self._boot_over_at)
        left = min(deadlines) - self._monotonic()
        for _, known in self._ledger.flapping():
            settles_in = seconds_to_settle(known, self._now())
            left = min(left, max(settles_in, self._hold_until - self._monotonic()))
        return max(0.0, left)

    def _look_at_clock(self) -> None:
        monotonic = self._monotonic()
        if self._boot_over_at is not None and monotonic >= self._boot_over_at:
            self._end_boot()
        elif monotonic >= self._reconcile_at:
            self._reconcile()
        self._settle()

    def _note_end_of_boot(self) -> bool:
        """Note when the boot was over, and return whether it is; what starts from then on is news, and not the first sight."""
        self._ledger.boot_finished_monotonic = self._manager.finished_monotonic()
        return self._ledger.boot_finished_monotonic != 0

    def _end_boot(self) -> None:
        self._boot_over_at = None
        self._reconcile()

    def _follow(self, news: Sequence[News]) -> None:
        """Take in news and commit what they amount to."""
        self._take_in(news)
        self._commit()
        if any(isinstance(item, Renewed) for item in news):
            self._kinds.clear()
            self._begin()
        elif self._boot_over_at is not None and any(isinstance(item, StartupFinished) for item in news):
            self._end_boot()

    def _take_in(self, news: Sequence[News]) -> None:
        if any(isinstance(item, StartupFinished) for item in news):
            self._note_end_of_boot()
        self._causes.note(news, is_booting=self._boot_over_at is not None)
        looks = [item for item in news if isinstance(item, UnitState) and self._ledger.matches(item.unit)]
        self._learn_kinds(look.unit for look in looks if look.invocation)
        ordered = self._in_order(looks)
        for item in news:
            match item:
                case UnitState() if item.unit in ordered:
                    self._take(next(ordered[item.unit]))
                case JobEnded():
                    with self._guarded(item.unit):
                        self._take_job(item)
                case Odd() if self._ledger.matches(item.unit):
                    self._ledger.troubles.met(item.unit, item.why)
                case Unloaded():
                    self._kinds.pop(item.unit, None)  # the next of its name may be another kind

    def _in_order(self, looks: Sequence[UnitState]) -> dict[str, Iterator[UnitState]]:
        """Return the looks at each unit, the oldest first."""
        by_unit: dict[str, list[UnitState]] = {}
        for look in looks:
            by_unit.setdefault(look.unit, []).append(look)
        ordered = {}
        for unit, of_unit in by_unit.items():
            with self._guarded(unit):
                ordered[unit] = iter(in_order(self._ledger.known(unit, None), of_unit))
        return ordered

    def _guarded(self, unit: str) -> AbstractContextManager[None]:
        """Keep the trouble that one unit makes to that unit."""
        return self._ledger.troubles.guarded(unit, ends=False)

    def _take(self, look: UnitState) -> None:
        with self._ledger.troubles.guarded(look.unit):
            known, steps = advance(self._ledger.known(look.unit, self._kinds.get(look.unit)), look)
            self._ledger.take(look.unit, known, [self._with_exit(step) for step in steps])

    def _with_exit(self, step: Step) -> Step:
        """Add how a command beside the main process ended, where that is what failed."""
        if not may_be_of_command(step):
            return step
        return with_command(step, self._manager.control_exit(step.look, CODES_OF_RESULTS[step.result]))

    def _take_job(self, job: JobEnded) -> None:
        """Tell a start that never became a run; any other end of a job shows in the unit itself."""
        if job.result not in _NOT_STARTED or not self._ledger.matches(job.unit):
            return
        known = self._ledger.known(job.unit, self._kinds.get(job.unit))
        if known.phase is Phase.UP:
            return  # a stop or a reload that took too long
        at = int(self._now() * 1_000_000)
        step = Step(
            what=What.NOT_STARTED,
            unit=job.unit,
            invocation="",
            at=at,
            look=UnitState(unit=job.unit),
            by_itself=True,
            result=job.result,
        )
        self._ledger.take(job.unit, known, [step])

    def _learn_kinds(self, units: Iterable[str]) -> None:
        unknown = [unit for unit in dict.fromkeys(units) if unit not in self._kinds]
        self._kinds |= self._manager.kinds(unknown)

    def _reconcile(self) -> None:
        """Compare what the manager lists with what is known, reading only units that differ."""
        self._reconcile_at = self._monotonic() + RECONCILE_SECONDS
        self._ledger.refresh_names()
        loaded = self._manager.list_services()
        listed = {unit: line for unit, line in loaded.items() if self._ledger.matches(unit)}
        invocations = self._manager.invocations(list(listed))
        self._learn_kinds(unit for unit, invocation in invocations.items() if invocation)
        differing: list[str] = []
        for unit, line in listed.items():
            with self._guarded(unit):
                if self._ledger.differs(unit, invocations.get(unit, ""), line.phase):
                    differing.append(unit)
        missing = self._missing(listed)
        looks = self._manager.looks(differing)
        if not self._ledger.is_first_sight:
            self._catch_up()  # at the first sight what is signalled from here on is news
        for look in looks.values():
            self._take(look)
        self._tell_missing(missing)
        self._ledger.forget_all_but(listed)
        self._ledger.compared(boot_is_over=self._boot_over_at is None)
        self._commit(is_compare=True)
        doubts = self._ledger.doubts([unit for unit, line in loaded.items() if line.is_there])
        count = sum(line.is_there for line in listed.values())
        said = [f"watching {count} services", self._ledger.troubles.in_words(), *doubts]
        self._runtime.report("; ".join(filter(None, said)))

    def _catch_up(self) -> None:
        """Take in the signals of the meantime before the looks; newer ones make a look one of the past."""
        news = self._manager.news(0)
        self._take_in(news)
        self._postponed += [item for item in news if isinstance(item, Renewed | StartupFinished)]

    def _missing(self, listed: dict[str, Listed]) -> dict[str, Known]:
        """Return what ought to be there by what is known, and is not by the list."""
        missing = {}
        for unit, known in self._ledger.up_or_expected():
            line = listed.get(unit)
            is_there = line is not None and (line.has_job or line.phase not in {Phase.DOWN, Phase.FAILED})
            may_come = known.expected and self._boot_over_at is not None
            if not is_there and not may_come:
                missing[unit] = known
        return missing

    def _tell_missing(self, missing: dict[str, Known]) -> None:
        """Tell what is not there any more, unless something was heard of it since the list was made."""
        now = int(self._now() * 1_000_000)
        for unit, known in missing.items():
            with self._guarded(unit):
                if self._ledger.known(unit, None) is known:
                    self._ledger.take(unit, *end_unseen(known, unit, now))

    def _settle(self) -> None:
        """Tell where a service that kept ending has come to rest."""
        now = self._now()
        due = [unit for unit, known in self._ledger.flapping() if seconds_to_settle(known, now) <= 0]
        if not due or self._monotonic() < self._hold_until:
            return
        for unit, look in self._manager.looks(due).items():
            with self._guarded(unit):
                known = self._ledger.known(unit, self._kinds.get(unit))
                self._ledger.take(unit, settle(known), list(at_rest(look)))
        self._commit()

    def _commit(self, *, is_compare: bool = False) -> None:
        """Keep what came of the news, or of a compare of everything, unless the host is going down."""
        for odd in self._manager.take_odd():
            if self._ledger.matches(odd.unit):
                self._ledger.troubles.met(odd.unit, odd.why)
        if self._ledger.has_news() and self._manager.is_stopping():
            self._forgo()
            return
        self._ledger.revise(LogReader())
        self._ledger.attribute(self._causes.of)
        try:
            absence = self._runtime.absence
            self._ledger.commit(self._runtime.emit, while_agent_down=is_compare and absence.lasts)
            absence.lasts &= not is_compare
        except NotKept:
            self._forgo()
            self._reconcile_at = self._hold_until

    def _forgo(self) -> None:
        self._ledger.forgo()
        self._hold_until = self._monotonic() + _HOLD_SECONDS
