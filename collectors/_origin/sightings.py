"""What was seen lately, by directory and name: bounded, and gone after a while. For one thread at a time.

Times are monotonic seconds, of the moment at which something was heard of; it happened no later.
"""

import math
from collections import deque
from collections.abc import Iterator

import msgspec

from collectors._origin import fanotify
from collectors._origin.actor import Actor

KEEP_SECONDS = 180.0
"""Longer than any change waits to be looked at."""
_MAX_DEEDS = 10_000
_MAX_LOST = 100


class Deed(msgspec.Struct):
    """What one process did to one name; `actor` is None where nobody knows who it was."""

    actor: Actor | None
    """As it was at the first of it."""
    mask: int
    first: float
    last: float
    came_at: float = math.inf
    """When it moved a directory to this name, at the earliest, in seconds since the epoch."""

    @property
    def process(self) -> tuple[int, int] | None:
        """The one process, whatever it executes meanwhile."""
        return None if self.actor is None else (self.actor.pid, self.actor.started)

    def join(self, other: "Deed") -> None:
        """Take in what the same process did later."""
        self.mask |= other.mask
        self.last = max(self.last, other.last)
        self.came_at = min(self.came_at, other.came_at)


class Sightings:
    """What was seen, and when something was not."""

    def __init__(self) -> None:
        self._deeds: dict[tuple[bytes, str], list[Deed]] = {}
        self._count = 0
        self._lost: deque[tuple[float, float, str]] = deque(maxlen=_MAX_LOST)
        self._forgotten_until = -math.inf

    def add(self, directory: bytes, name: str, deed: Deed) -> None:
        """Note a deed, together with what the same process did to the same name before."""
        deeds = self._deeds.setdefault((directory, name), [])
        for known in deeds:
            if known.process == deed.process:
                known.join(deed)
                return
        deeds.append(deed)
        self._count += 1
        if self._count > _MAX_DEEDS:
            self._forget_first()

    def lose(self, since: float, until: float, why: str) -> None:
        """Note that what happened within a time was not seen."""
        if len(self._lost) == _MAX_LOST:
            self._forgotten_until = max(self._forgotten_until, self._lost[0][1])
        self._lost.append((since, until, why))

    def of(self, directory: bytes, name: str, since: float, until: float) -> Iterator[Deed]:
        """Yield what was done to a name after `since` and up to `until`."""
        for deed in self._deeds.get((directory, name), ()):
            if deed.last > since and deed.first <= until:
                yield deed

    def missed(self, since: float, until: float) -> str:
        """Return why something within a time may not have been seen; empty where all was."""
        if since < self._forgotten_until:
            return "more happened than is kept"
        return next((why for begin, end, why in self._lost if end > since and begin <= until), "")

    def prune(self, now: float) -> None:
        """Let go of what is old."""
        old = now - KEEP_SECONDS
        for key, deeds in [*self._deeds.items()]:
            left = [deed for deed in deeds if deed.last > old]
            self._count -= len(deeds) - len(left)
            if left:
                self._deeds[key] = left
            else:
                del self._deeds[key]

    def _forget_first(self) -> None:
        """Let go of the name that was seen first, and know that more was seen than is kept."""
        key = next(iter(self._deeds))
        forgotten = self._deeds.pop(key)
        self._count -= len(forgotten)
        self._forgotten_until = max(self._forgotten_until, *(deed.last for deed in forgotten))


def changed_content(mask: int) -> bool:
    """Return whether something was written, or may have been."""
    return bool(mask & (fanotify.MODIFY | fanotify.CLOSE_WRITE))


def changed_names(mask: int) -> bool:
    """Return whether a name was made, removed or renamed."""
    return bool(mask & (fanotify.CREATE | fanotify.DELETE | fanotify.MOVED_FROM | fanotify.MOVED_TO))
