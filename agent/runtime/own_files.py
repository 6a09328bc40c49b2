"""Which files are the agent's own: everything in the spool directory, by device and inode, whatever name leads there.

Nothing of them is opened to find that out, directories aside; listings are kept for as long as they are
surely right.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import attrgetter
from pathlib import Path

import msgspec

_RACY_NANOSECONDS = 50_000_000
"""A directory changed this shortly before it was listed may change again without its times showing it."""
_MAX_DEPTH = 4


class _Listing(msgspec.Struct, frozen=True):
    """What one directory holds."""

    times: tuple[int, int, int]
    files: frozenset[tuple[int, int]]
    directories: tuple[str, ...]
    is_sure: bool


class _Known(msgspec.Struct, frozen=True):
    """What all directories held together, and their times then; no times where it may be wrong already."""

    files: frozenset[tuple[int, int]]
    times: tuple[tuple[str, tuple[int, int, int]], ...]

    def holds(self) -> bool:
        """Return whether it is still so: asked for each file that is opened, so it makes as little as it can."""
        try:
            for path, times in self.times:
                if _times(os.lstat(path)) != times:
                    return False
        except OSError:
            return False
        return bool(self.times)


_identity: Callable[[os.stat_result], tuple[int, int]] = attrgetter("st_dev", "st_ino")
_times: Callable[[os.stat_result], tuple[int, int, int]] = attrgetter("st_ino", "st_mtime_ns", "st_ctime_ns")


class OwnFiles:
    """The files below one directory; called with statuses, from any thread, it says whether one of them is among these."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)
        self._listings: dict[str, _Listing] = {}
        self._known: _Known | None = None
        self._lock = threading.Lock()

    def __call__(self, *statuses: os.stat_result) -> bool:
        """Return whether a file with one of these statuses is the agent's own."""
        with self._lock:
            known = self._known
            if known is None or not known.holds():
                known = self._known = self._know()
            return not known.files.isdisjoint(map(_identity, statuses))

    def _know(self) -> "_Known":
        """Return what all directories hold now."""
        listings = dict(self._all(self._directory, 0))
        files = frozenset().union(*(listing.files for listing in listings.values()))
        is_sure = self._directory in listings and all(listing.is_sure for listing in listings.values())
        return _Known(
            files, tuple((path, listing.times) for path, listing in listings.items()) if is_sure else ()
        )

    def _all(self, path: str, depth: int) -> Iterator[tuple[str, _Listing]]:
        listing = self._list(path)
        if listing is None:
            return
        yield path, listing
        if depth < _MAX_DEPTH:
            for name in listing.directories:
                yield from self._all(f"{path}/{name}", depth + 1)

    def _list(self, path: str) -> _Listing | None:
        """Return what a directory holds; None when it is gone."""
        try:
            status = os.lstat(path)
            times = _times(status)
            known = self._listings.get(path)
            if known is None or not known.is_sure or known.times != times:
                known = self._listings[path] = _read(path, times)
        except FileNotFoundError:
            self._listings.pop(path, None)
            return None
        return known


def _read(path: str, times: tuple[int, int, int]) -> _Listing:
    is_sure = max(times[1:]) < time.time_ns() - _RACY_NANOSECONDS
    files: list[tuple[int, int]] = []
    directories: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                files.append((status.st_dev, status.st_ino))
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
    return _Listing(times, frozenset(files), tuple(directories), is_sure)
