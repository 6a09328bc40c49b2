"""Links: names that share one file, so that a change of one is a change of all, and names that lead elsewhere."""

import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from collectors._regular import opened_name, pass_on_lack

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


class Way(NamedTuple):
    """Where a link leads."""

    real: str
    """The real path of the target; empty where there is none."""
    chain: tuple[tuple[str, str], ...]
    """As (directory, name), every link on the way and the target itself: when one of them changes, so may the target."""
    owners: frozenset[int]
    """Whose the links on the way are."""


def follow(path: str, check: Callable[[str], None] = lambda _: None) -> Way:
    """Return where `path` leads; `check` is called with each step before anything there is asked, and may raise."""
    chain: list[tuple[str, str]] = []
    owners: set[int] = set()
    done = ""
    left = [part for part in reversed(path.split("/")) if part]
    while left:
        name = left.pop()
        if name == ".":
            continue
        if name == "..":
            done = done.rpartition("/")[0]
            continue
        check(f"{done}/{name}")
        link = read_link(f"{done}/{name}")
        if link is None:
            if not left:
                chain.append((done, name))
            done += "/" + name
            continue
        target, owner = link
        chain.append((done, name))
        owners.add(owner)
        if len(chain) > _MAX_HOPS:
            return Way("", tuple(chain), frozenset(owners))
        if target.startswith("/"):
            done = ""
        left += [part for part in reversed(target.split("/")) if part]
    return Way(done if os.path.lexists(done) else "", tuple(chain), frozenset(owners))


def read_link(path: str) -> tuple[str, int] | None:
    """Return what a link says and whose it is, both of one moment; None for what is no link."""
    try:
        os.readlink(path)  # most steps are no links, and this is the quickest way to know
        with opened_name(path) as fd:
            return os.readlink("", dir_fd=fd), os.fstat(fd).st_uid
    except OSError as error:
        pass_on_lack(error)
        return None


def may_follow(way: Way, target: os.stat_result, *, is_public: bool) -> bool:
    """Return whether whoever made the links could read the target himself.

    That is root, the target's owner, or anybody where all may read it and, as `is_public` says, get there.
    """
    everybody_reads = is_public and bool(target.st_mode & stat.S_IROTH)
    return everybody_reads or way.owners <= {0, target.st_uid}
