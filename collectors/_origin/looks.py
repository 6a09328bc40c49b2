"""When paths were looked at: a look finds what happened since the one before. Times are monotonic seconds."""

import math
from typing import NamedTuple

_MAX_LOOKS = 10_000


class Look(NamedTuple):
    """One look: what was changed before it `began`, and what lay where it came to by when it `ended`, it has found."""

    began: float
    ended: float


NEVER = Look(-math.inf, -math.inf)


class Looks:
    """The looks at paths, and at directories with all below them, which end with a slash.

    A look at a directory has each directory below it watched before it is listed: so one that is watched since a moment of
    that look is watched since all in it was looked at.
    """

    def __init__(self) -> None:
        self._looks: dict[str, tuple[Look, Look]] = {}
        """The look before the last, and the last."""
        self._going_on: tuple[str, ...] = ()
        self._current = -math.inf

    def begin(self, paths: tuple[str, ...], now: float, *, saw_all: bool = True) -> None:
        """Note that a look at these begins, and that the one before it is over, which listed all that is watched since or did not."""
        for path in self._going_on if saw_all else ():
            if path.endswith("/") and path in self._looks:
                before, last = self._looks[path]
                self._looks[path] = before, Look(last.began, now)
        self._current, self._going_on = now, paths
        for path in paths:
            _, last = self._looks.pop(path, (NEVER, NEVER))
            self._looks[path] = last, Look(now, now)
        while len(self._looks) > _MAX_LOOKS:
            del self._looks[next(iter(self._looks))]

    def before(self, path: str) -> Look:
        """Return the look at a path that was before the one that goes on now."""
        found = max(self._before(path), self._before("/"))
        while path:
            found = max(found, self._before(path + "/"))
            path = path.rpartition("/")[0]
        return found

    def _before(self, key: str) -> Look:
        before, last = self._looks.get(key, (NEVER, NEVER))
        return before if last.began == self._current else last

    def prune(self, until: float) -> None:
        """Let go of what was looked at last before a time."""
        self._looks = {path: looks for path, looks in self._looks.items() if looks[1].ended > until}
