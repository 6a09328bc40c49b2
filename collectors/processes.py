"""Which processes started and ended, for what runs outside systemd; only those that conf.d names.

An end is seen at once, by pidfd, with its status where the kernel tells (Linux 6.15). A start is found by
a scan every few seconds and soon after an end, when a restart is likely. The kernel's process events
(netlink) would need CAP_NET_ADMIN, do not work in containers, and wake the agent for every fork of the
host; so a process that lives for less than the interval between two scans may be missed here.
"""

import select
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from collectors._processes.doubts import find_doubts
from collectors._processes.entry import ProcessEntry
from collectors._processes.match import Wanted
from collectors._processes.proc import read_boot_mark, read_seconds_since_boot
from collectors._processes.scanner import ProcessScanner
from collectors._processes.shutdown import is_going_down
from collectors._processes.transitions import Sight, compare, encode, take_up
from collectors._troubles import PREFIX as TROUBLE
from collectors._troubles import Subject, Troubles
from collectors.collector import NotKept, Retired, Runtime, Scoped

SCAN_SECONDS = 5.0
AFTER_AN_END_SECONDS = (0.1, 0.5, 2.0)
"""When to look for what replaces a process that ended."""
BOOT_SECONDS = 300.0
_PROCESSES = Subject(
    "process",
    "What becomes of process {} cannot be told",
    "Process {} cannot be looked at: {}. Every other process is watched as before.",
    "cannot look at",
)


class Processes:
    """Watches the processes of all entries together."""

    def __init__(
        self,
        entries: Sequence[Scoped[ProcessEntry]],
        *,
        scan_seconds: float = SCAN_SECONDS,
        is_going_down: Callable[[], bool] = is_going_down,
    ) -> None:
        self._wanted = [_wanted(entry) for entry in entries]
        self._scan_seconds = scan_seconds
        self._is_going_down = is_going_down

    def run(self, runtime: Runtime) -> None:
        """Scan, tell, and wait for an end or for the next scan."""
        eyes = ProcessScanner(self._wanted)
        record = _Record(runtime, self._wanted, self._is_going_down)
        soon: Iterator[float] = iter(())
        try:
            while not runtime.stop.is_set():
                if not eyes.endings:
                    eyes.scan()
                record.tell(eyes)
                ended = _wait(runtime.stop.fileno(), eyes, next(soon, self._scan_seconds))
                if ended:
                    soon = iter(AFTER_AN_END_SECONDS)
        except Retired:
            return
        finally:
            eyes.close()


class _Record:
    """What was told and remembered, and the emit that makes both one."""

    def __init__(self, runtime: Runtime, wanted: Sequence[Wanted], is_going_down: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._wanted = wanted
        self._is_going_down = is_going_down
        self._mark = read_boot_mark()
        self._troubles = Troubles(runtime.memory, _PROCESSES)
        self._kept = {key: value for key, value in runtime.memory.items() if not key.startswith(TROUBLE)}
        self._state = take_up(self._kept, self._mark)
        self._is_late = True
        self._doubts = list(find_doubts(wanted, Path("/")))

    def tell(self, eyes: ProcessScanner) -> None:
        """Compare what runs with what is known, and keep the difference; not while the host goes down."""
        sight = Sight(
            running=eyes.running,
            endings=eyes.endings,
            now=time.time(),
            boot_is_over=read_seconds_since_boot() >= BOOT_SECONDS,
            late=self._is_late and self._runtime.absence.lasts,
            odd=eyes.odd,
        )
        state, events = compare(self._state, sight, self._wanted, self._mark)
        kept = encode(state)
        self._troubles.are({str(pid): error for pid, error in sight.odd.items()})
        if kept != self._kept or self._troubles.to_remember():
            if self._is_going_down():
                return
            remember: dict[str, bytes | None] = dict.fromkeys(self._kept.keys() - kept.keys())
            remember |= {key: value for key, value in kept.items() if self._kept.get(key) != value}
            events += self._troubles.news(int(sight.now))
            try:
                self._runtime.emit(events, remember | self._troubles.to_remember())
            except NotKept:
                self._troubles.forgo()
                return  # the next scan finds the same difference
            self._troubles.kept()
            self._report(len(sight.running))
        elif self._is_late:
            self._report(len(sight.running))
        self._state, self._kept, self._is_late = state, kept, False
        self._runtime.absence.lasts = False
        eyes.forget_endings()

    def _report(self, count: int) -> None:
        said = [f"watching {count} processes", self._troubles.in_words(), *self._doubts]
        self._runtime.report("; ".join(filter(None, said)))


def _wait(stop: int, eyes: ProcessScanner, timeout_seconds: float) -> bool:
    """Wait for the stop, an end or the time; note the ends and return whether there were any."""
    poll = select.poll()
    for descriptor in (stop, *eyes.descriptors()):
        poll.register(descriptor, select.POLLIN)
    return eyes.take_ends(descriptor for descriptor, _ in poll.poll(timeout_seconds * 1000))


def _wanted(entry: Scoped[ProcessEntry]) -> Wanted:
    match = entry.config.match
    return Wanted(
        label=entry.config.name,
        name=match.name,
        exe=match.exe,
        cmdline=match.cmdline,
        user=match.user,
        tags=entry.tags,
        element_identifiers=entry.element_identifiers,
    )


def doubts_of(entries: Sequence[Scoped[ProcessEntry]], root: Path) -> Iterator[str]:
    """Return which entries fit no process of the host below `root`."""
    return find_doubts([_wanted(entry) for entry in entries], root)
