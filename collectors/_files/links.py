"""Links: names that share one file, so that a change of one is a change of all, and names that lead elsewhere."""

import os
from collections.abc import Callable

_MAX_HOPS = 40


class HardLinks:
    """The watched names of files that have several."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, int], set[str]] = {}
        self._files: dict[str, tuple[int, int]] = {}

    def add(self, path: str, status: os.stat_result) -> None:
        """Note that `path` is one name of a file with several."""
        identity = (status.st_dev, status.st_ino)
        self.drop(path)
        self._names.setdefault(identity, set()).add(path)
        self._files[path] = identity

    def drop(self, path: str) -> None:
        """Forget a name."""
        identity = self._files.pop(path, None)
        if identity is not None:
            self._names[identity].discard(path)
            if not self._names[identity]:
                del self._names[identity]

    def others(self, path: str) -> frozenset[str]:
        """Return the other watched names of what `path` was a name of."""
        identity = self._files.get(path)
        return frozenset(self._names[identity] - {path}) if identity is not None else frozenset()


def follow(
    path: str, check: Callable[[str], None] = lambda _: None
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the real path that a link leads to (empty when to nothing), and what decides that.

    The second value names, as (directory, name), every link on the way and the target itself: when one
    of them changes, the link may lead to something else. `check` is called with each step before anything
    there is asked, and may raise.
    """
    reach: list[tuple[str, str]] = []
    done = ""
    left = [part for part in reversed(path.split("/")) if part]
    hops = 0
    while left:
        name = left.pop()
        if name == ".":
            continue
        if name == "..":
            done = done.rpartition("/")[0]
            continue
        check(f"{done}/{name}")
        try:
            link = os.readlink(f"{done}/{name}")
        except OSError:
            if not left:
                reach.append((done, name))
            done += "/" + name
            continue
        hops += 1
        reach.append((done, name))
        if hops > _MAX_HOPS:
            return "", tuple(reach)
        if link.startswith("/"):
            done = ""
        left += [part for part in reversed(link.split("/")) if part]
    return (done if os.path.lexists(done) else ""), tuple(reach)
