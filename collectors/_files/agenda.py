"""What is due: what was hinted at, what is compared by the clock, and everything once an hour.

Everything is compared now and then because not every change gives a hint (mmap, another host's NFS client).
"""

import math
from collections.abc import Callable, Iterator

from collectors._files.draft import LAST_LOOK
from collectors._files.job import Job
from collectors._files.occasion import Occasion
from collectors._files.pending import Due, Pending
from collectors._files.polling import Polling

_REFUSED_MAX_SECONDS = 60.0
_HINT_SECONDS = 1.0
"""A hint comes no later than this after the change."""
_LAST_LOOKS = 100


class Agenda:
    """When is what to be looked at; `is_first` says that this run of the collector has not watched yet."""

    def __init__(self, job: Job, pending: Pending, polling: Polling, *, is_first: bool) -> None:
        self._selection = job.selection
        self._memory = job.memory
        self._host = job.host
        self._pending = pending
        self._polling = polling
        self._absence = job.runtime.absence
        self._was_unwatched = is_first
        self._taken: tuple[str, ...] = ()
        self._next_everything = 0.0
        self._last_everything = self._last_poll = job.host.wall()
        self.has_compared_everything = False
        self._refused_until, self._refused_seconds = 0.0, job.host.refused_seconds

    def next_due(self, summary: float | None) -> float:
        """Return when something is due, in monotonic seconds; `summary` is when the next summary of a flood is."""
        dues = (self._pending.next_due(), self._polling.next_due(), summary)
        first = min([self._next_everything, *(due for due in dues if due is not None)])
        return max(first, self._refused_until)

    def have_everything_compared(self) -> None:
        """Have everything compared at the next occasion."""
        self._next_everything = 0.0

    def is_put_off(self) -> bool:
        """Return whether nothing is to be looked at, because the spool takes nothing now."""
        return self._host.monotonic() < self._refused_until

    def put_off(self) -> float:
        """Look at the same later: the spool takes nothing now; return when, in monotonic seconds."""
        self._refused_until = self._host.monotonic() + self._refused_seconds
        self._refused_seconds = min(2 * self._refused_seconds, _REFUSED_MAX_SECONDS)
        self._pending.put(self._taken, self._refused_until)
        return self._refused_until

    def is_kept(self) -> None:
        """Note that the spool has taken all there was."""
        self._refused_seconds = self._host.refused_seconds

    def take(self) -> Iterator[Due]:
        """Yield what is due now; each is done with when the next is asked for."""
        now = self._host.monotonic()
        self._taken = self._pending.take(now)
        if now >= self._next_everything:
            yield from self._everything()
        if self._taken:
            yield from self._hinted()
        yield from self._polled()

    def take_last(self) -> Iterator[Due]:
        """Yield what was hinted at and is not due yet: at the next start it would count as of the time between."""
        self._taken = self._pending.take(math.inf, at_most=math.inf)
        if self.has_compared_everything and len(self._taken) <= _LAST_LOOKS:
            yield from self._hinted()

    def take_near(self, is_near: Callable[[str], bool]) -> Due | None:
        """Return what was hinted at and is due of what can be looked at now; the rest is put back for a moment."""
        now = self._host.monotonic()
        taken = self._pending.take(now)
        near = tuple(path for path in taken if is_near(path))
        self._pending.put(set(taken).difference(near), now + _HINT_SECONDS)
        return self._due_by_hint(near) if near else None

    def _everything(self) -> Iterator[Due]:
        is_first = not self.has_compared_everything
        looked = self._memory.get(LAST_LOOK)
        if is_first and looked is not None:
            self._last_everything = float(looked)
        started = self._host.wall()
        occasion = Occasion(
            self._last_everything,
            while_agent_down=self._absence.lasts,
            was_watched=not (is_first and self._was_unwatched),
        )
        yield Due(occasion, trees=self._selection.roots, is_everything=True)
        self.has_compared_everything = True
        self._absence.lasts = False
        self._last_everything = started
        self._next_everything = self._host.monotonic() + self._host.compare_seconds

    def _hinted(self) -> Iterator[Due]:
        taken = self._taken
        yield self._due_by_hint(taken)
        self._pending.looked_at(taken)
        self._taken = ()

    def _due_by_hint(self, taken: tuple[str, ...]) -> Due:
        hinted = self._pending.hinted(taken)
        first = min(hinted.values(), default=self._last_everything)
        return Due(
            Occasion(max(self._last_everything, first - _HINT_SECONDS), hinted=hinted),
            trees=tuple(path[:-1] for path in taken if path.endswith("/")),
            paths=tuple(path for path in taken if not path.endswith("/")),
        )

    def _polled(self) -> Iterator[Due]:
        started = self._host.monotonic()
        if due := self._polling.take():
            occasion = Occasion(self._last_poll)
            self._last_poll = self._host.wall()
            yield Due(occasion, trees=due)
            self._polling.done(started)
