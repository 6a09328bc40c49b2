"""When paths were looked at: a look finds what happened since the one before. Times are monotonic seconds."""

import math

_MAX_LOOKS = 10_000
_NEVER = -math.inf


class Looks:
    """The looks at paths, and at directories with all below them, which end with a slash."""

    def __init__(self) -> None:
        self._looks: dict[str, tuple[float, float]] = {}
        """The look before the last, and the last."""
        self._current = _NEVER

    def begin(self, paths: tuple[str, ...], now: float) -> None:
        """Note that a look at these begins, and that the one before it is over."""
        self._current = now
        for path in paths:
            _, last = self._looks.pop(path, (_NEVER, _NEVER))
            self._looks[path] = last, now
        while len(self._looks) > _MAX_LOOKS:
            del self._looks[next(iter(self._looks))]

    def since(self, path: str) -> float:
        """Return when the look at a path began that was before the one that goes on now."""
        found = self._before(path)
        while path:
            found = max(found, self._before(path + "/"))
            path = path.rpartition("/")[0]
        return max(found, self._before("/"))

    def _before(self, key: str) -> float:
        before, last = self._looks.get(key, (_NEVER, _NEVER))
        return last if last < self._current else before

    def prune(self, until: float) -> None:
        """Let go of what was looked at last before a time."""
        self._looks = {path: looks for path, looks in self._looks.items() if looks[1] > until}
