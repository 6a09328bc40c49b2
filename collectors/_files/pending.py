"""What hints make due: a hint becomes a path that is looked at one settle later.

Between the watch, which hears, and the look. Nothing is watched here, looked at, compared or told.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from collectors._files.debounce import Debouncer
from collectors._files.hints import Hints
from collectors._files.job import Job
from collectors._files.occasion import Occasion
from collectors._files.turns import Turns

_TOGETHER_SECONDS = 0.005
"""Paths due this close together are looked at together: the two ends of a rename."""
_AT_ONCE = 200
"""After so many, what was hinted at meanwhile is heard, and gets its turn."""


class Due(msgspec.Struct, frozen=True):
    """What is to be looked at together, and why."""

    occasion: Occasion
    trees: tuple[str, ...] = ()
    """Directories, with everything below them."""
    paths: tuple[str, ...] = ()
    is_everything: bool = False


class Pending:
    """The paths that were hinted at; a directory, for all below it, ends with a slash."""

    def __init__(self, job: Job) -> None:
        self._selection = job.selection
        self._monotonic = job.host.monotonic
        self._wall = job.host.wall
        self._settle = Debouncer()
        self._turns = Turns()
        self._hinted: dict[str, float] = {}
        self._sources: dict[str, str] = {}
        self._targets: dict[str, str] = {}

    def note(self, hints: Hints, trees: Iterable[str]) -> None:
        """Note hints; `trees` are the directories of which everything below has to be looked at."""
        for path in trees:
            self._touch(path + "/", self._selection.settle_seconds)
        for path in hints.files:
            try:
                choice = self._selection.choose(path)
                if choice is not None:
                    self._touch(path, choice.settle_seconds)
            except Exception:  # noqa: BLE001 - met again when it is looked at, and told then
                self._settle.put(path, self._monotonic() + self._selection.settle_seconds)
        for path, source in hints.moved.items():
            for end in ("", "/"):
                self._sources[path + end] = source + end
                self._targets[source + end] = path + end

    def _touch(self, path: str, settle_seconds: float) -> None:
        self._hinted.setdefault(path, self._wall())
        if path not in self._turns:
            self._settle.touch(path, self._monotonic(), settle_seconds)

    def again(self, path: str) -> None:
        """Have a path that was being written looked at once more, later each time."""
        self.told(path)
        self._touch(path, self._selection.settle_seconds)

    def told(self, path: str) -> None:
        """Note that a change of a path was told: one that goes on changing is told less often."""
        self._settle.told(path, self._monotonic(), self._selection.settle_seconds)

    def next_due(self) -> float | None:
        """Return when the next path is due, in monotonic seconds."""
        return self._monotonic() if self._turns else self._settle.next_due()

    def take(self, now: float, at_most: float = _AT_ONCE) -> tuple[str, ...]:
        """Return about so many of the paths that are due, each with the other end of its rename."""
        taken: list[str] = []
        for path in self._settle.take(now + _TOGETHER_SECONDS):
            try:
                self._turns.put(path)
            except Exception:  # noqa: BLE001 - met again when it is looked at, and told then
                taken.append(path)
        while self._turns and len(taken) < at_most:
            taken.append(self._turns.take())
            with suppress(Exception):  # whether a rename is told as one hangs on this
                taken += self._other_ends(taken[-1])
        if not self._turns and not len(self._settle):
            self._sources.clear()
            self._targets.clear()
        return tuple(taken)

    def _other_ends(self, path: str) -> Iterator[str]:
        """Let go of where a path came from, due or not, and of where it went, where that is due too; yield them."""
        source = self._sources.pop(path, None)
        if source is not None and (self._turns.cancel(source) or self._settle.cancel(source)):
            yield source
        target = self._targets.pop(path, None)
        if target is not None and self._turns.cancel(target):
            yield target

    def put(self, paths: Iterable[str], at: float) -> None:
        """Have paths looked at, at a time in monotonic seconds."""
        for path in paths:
            self._settle.put(path, at)

    def hinted(self, paths: Iterable[str]) -> dict[str, float]:
        """Return when each of some paths was hinted at first, in seconds since the epoch, for those that were."""
        return {path: self._hinted[path] for path in paths if path in self._hinted}

    def looked_at(self, paths: Iterable[str]) -> None:
        """Forget the hints that led to some paths."""
        for path in paths:
            self._hinted.pop(path, None)
