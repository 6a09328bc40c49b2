"""Processes that were seen alive a moment ago: a process that is over when its next deed is heard of keeps its name by that.

`sed -i` has ended by the time its rename is read; that it made the file told who it is. A number is another's once all
numbers have been gone through, so what was seen counts only for less time than any machine takes for that.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from collectors._origin.actor import Actor
from collectors._origin.fanotify import Event
from collectors._origin.proc import Processes, is_there

_MOST_FORKS_A_SECOND = 200_000
"""More than any machine makes: numbers are given in turn, so none comes again before all the others were given."""
_LONGEST_SECONDS = 1.0
_FRESH_SECONDS = 0.5
"""For so long it is asked only whether a process is still called the same; then all of it is read again."""
_MAX_KNOWN = 2000
_DEFAULT_PID_MAX = 32768


class _Known(msgspec.Struct, frozen=True):
    actor: Actor
    read_at: float
    seen_at: float


class KnownProcesses:
    """Tells which process an event is of; times are monotonic seconds. For one thread at a time."""

    def __init__(self, processes: Processes, now: Callable[[], float], pid_max: int | None = None) -> None:
        self._processes = processes
        self._now = now
        self.keep_seconds = keep_seconds(pid_max or read_pid_max())
        """For how long a process that is over keeps its name."""
        self._known: dict[int, _Known] = {}

    def of(self, event: Event) -> Actor | None:
        """Return the process of an event; None where nobody knows for certain."""
        if event.pid <= 0:
            return None  # of another namespace
        if event.pidfd >= 0 and is_there(event.pidfd):
            return self._read(event.pid, event.pidfd)
        return self.recent(event.pid)

    def recent(self, pid: int) -> Actor | None:
        """Return the process that had a number a moment ago, when the number cannot be another's yet."""
        known = self._known.get(pid)
        return known.actor if known is not None and self._now() - known.seen_at < self.keep_seconds else None

    def note(self, actor: Actor, at: float) -> None:
        """Remember a process that was there at a time, a moment ago."""
        self._known.pop(actor.pid, None)
        self._known[actor.pid] = _Known(actor, at, at)
        if len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def _read(self, pid: int, pidfd: int) -> Actor | None:
        """Read a process anew, unless what is known of it is fresh; what ends meanwhile is known by what was read of it."""
        now = self._now()
        known = self._known.get(pid)
        if known is not None and now - known.read_at < _FRESH_SECONDS:
            brief = self._processes.brief(pid)
            if brief == (known.actor.program, known.actor.started) and is_there(pidfd):
                self._known[pid] = _Known(known.actor, known.read_at, now)
                return known.actor
        actor = self._processes.read(pid, pidfd)
        if actor is None:
            return self.recent(pid)
        self.note(actor, now)
        return actor


def keep_seconds(pid_max: int) -> float:
    """Return for how long a number that was a process's cannot be another's."""
    return min(_LONGEST_SECONDS, pid_max / _MOST_FORKS_A_SECOND)


def read_pid_max(path: Path = Path("/proc/sys/kernel/pid_max")) -> int:
    """Return how many numbers processes have; the smallest usual where nobody may know."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return _DEFAULT_PID_MAX
