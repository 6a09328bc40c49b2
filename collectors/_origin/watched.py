"""Which directories are marked, by the paths at which they are known and by the handles that events name them by.

A directory that moves keeps its handle, so what was seen in it stays its own. What is gone keeps its path for a while:
that its files went is told after it is.
"""

from collections.abc import Iterator

import msgspec


class Directory(msgspec.Struct):
    """One that is or was marked; times are monotonic seconds."""

    handle: bytes
    path: str
    """At which it was known last."""
    marked_at: float
    gone_at: float | None = None
    """Since when nobody asks for it any more; None while somebody does."""


class Watched:
    """The directories; `keep_seconds` is for how long one that is gone is still known."""

    def __init__(self, keep_seconds: float) -> None:
        self._keep_seconds = keep_seconds
        self._by_handle: dict[bytes, Directory] = {}
        self._by_path: dict[str, list[Directory]] = {}
        self._gone: dict[str, float] = {}

    def __len__(self) -> int:
        """Return how many are marked."""
        return sum(one.gone_at is None for one in self._by_handle.values())

    def add(self, path: str, handle: bytes, now: float) -> None:
        """Note that a directory is marked, from now on if it was not."""
        known = self._by_handle.get(handle)
        if known is None:
            known = self._by_handle[handle] = Directory(handle, path, now)
        known.path, known.gone_at = path, None
        self._gone.pop(path, None)
        at_path = self._by_path.setdefault(path, [])
        if known in at_path:
            at_path.remove(known)
        at_path.append(known)

    def forget(self, top: str, now: float) -> None:
        """Note that nobody asks for a directory and what is below it by these paths any more."""
        for path in self._by_path:
            if path == top or path.startswith(top + "/"):
                self._gone.setdefault(path, now)
        still = {id(one) for path, found in self._by_path.items() if path not in self._gone for one in found}
        for one in self._by_handle.values():
            if id(one) not in still and one.gone_at is None:
                one.gone_at = now

    def prune(self, now: float) -> None:
        """Let go of what is gone for long."""
        for path in [path for path, at in self._gone.items() if now - at > self._keep_seconds]:
            del self._gone[path], self._by_path[path]
        for one in [*self._by_handle.values()]:
            if one.gone_at is not None and now - one.gone_at > self._keep_seconds:
                del self._by_handle[one.handle]

    def by_handle(self, handle: bytes) -> Directory | None:
        """Return the directory that an event names."""
        return self._by_handle.get(handle)

    def at(self, path: str) -> tuple[Directory, ...]:
        """Return what is or was a moment ago known at a path, the present one last."""
        return tuple(self._by_path.get(path, ()))

    def paths(self) -> Iterator[str]:
        """Yield the paths at which directories are asked for."""
        return (path for path in [*self._by_path] if path not in self._gone)
