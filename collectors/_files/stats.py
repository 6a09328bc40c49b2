"""The stats of one directory's files, and one digest of them: equal digests, and nothing of them changed. Pure."""

import os
import stat
from _blake2 import blake2b  # the module behind hashlib, which would bring OpenSSL
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from collectors._files.fingerprint import RACY_NANOSECONDS, STAT_SIZE, fields_of, pack_all

_NO_TARGET = bytes(STAT_SIZE)
_COUNT_SIZE = 4
_CTIME: Callable[[Any], int] = itemgetter(3)
"""Of the fields of a stat."""
_MODE: Callable[[Any], int] = itemgetter(stat.ST_MODE)
_NAMES: Callable[[Any], int] = itemgetter(stat.ST_NLINK)
"""Of a stat itself: how many names the file has."""


class Stats:
    """The stats in the order of the listing; `now` in nanoseconds since the epoch.

    The digest is good for one `configuration` alone: by which each of the files was found to be meant.
    """

    def __init__(self, now: int, configuration: bytes) -> None:
        self._latest = now - RACY_NANOSECONDS
        self._configuration = configuration
        self._of_files = b""
        self._names: list[str] = []
        self._packed: list[bytes] = []
        self._targets: dict[str, bytes] = {}
        self.ties: list[os.DirEntry[str]] = []
        """Those that hang together with other names: links, files with several names."""
        self.is_sure = True
        """Whether all that is to be known is in it."""

    def add(self, name: str, packed: bytes, ctime_ns: int) -> None:
        """Add one file; one that changed just now makes the digest worthless."""
        self._names.append(name)
        self._packed.append(packed)
        if ctime_ns > self._latest:
            self.is_sure = False

    def add_packed(self, names: Sequence[str], packed: Sequence[bytes], ctimes_ns: Sequence[int]) -> None:
        """Add some files as `add` adds one."""
        self._names += names
        self._packed += packed
        if max(ctimes_ns, default=0) > self._latest:
            self.is_sure = False

    def add_all(self, entries: Sequence["os.DirEntry[str]"]) -> None:
        """Add files by their entries, all at once, for a restart asks this of every file there is.

        One that went meanwhile is left out.
        """
        try:
            found = [entry.stat(follow_symlinks=False) for entry in entries]
        except OSError:
            entries = [entry for entry in entries if _is_there(entry)]
            found = [entry.stat(follow_symlinks=False) for entry in entries]  # as the entry keeps it
        self._names += [entry.name for entry in entries]
        fields = [*map(fields_of, found)]
        self._packed.append(pack_all(fields))
        if max(map(_CTIME, fields), default=0) > self._latest:
            self.is_sure = False
        if max(map(_NAMES, found), default=1) > 1 or any(map(stat.S_ISLNK, set(map(_MODE, found)))):
            self.ties += [entry for entry, status in zip(entries, found, strict=True) if _is_tied(status)]

    def add_target(self, name: str, packed: bytes) -> None:
        """Add what a link leads to, empty for nothing."""
        self._targets[name] = packed or _NO_TARGET

    def put_in_order(self, names: Sequence[str]) -> None:
        """Have the files that were added one by one in the order of their listing, in which a restart meets them."""
        packed = dict(zip(self._names, self._packed, strict=True))
        self._names = [name for name in names if name in packed]
        self._packed = [packed[name] for name in self._names]
        self._targets = {name: self._targets[name] for name in names if name in self._targets}

    def by_name(self) -> dict[str, bytes]:
        """Return the packed stat of each file."""
        packed = b"".join(self._packed)
        starts = range(0, len(packed), STAT_SIZE)
        return dict(zip(self._names, [packed[start : start + STAT_SIZE] for start in starts], strict=True))

    def proves(self, known: bytes) -> bool:
        """Return whether a digest was made of these very files; what links led to may have been other."""
        return self.is_sure and known.startswith(self._digest_of_files())

    def digest(self) -> bytes:
        """Return the digest, after all has been added; empty when it would prove nothing."""
        if not self.is_sure:
            return b""
        return self._digest_of_files() + (_digest(b"".join(self._targets.values())) if self._targets else b"")

    def _digest_of_files(self) -> bytes:
        if not self._of_files:
            names = os.fsencode("/".join(self._names))
            digest = _digest(b"/".join((names, b"".join(self._packed), self._configuration)))
            self._of_files = len(self._names).to_bytes(_COUNT_SIZE) + digest
        return self._of_files


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def may_be_of(known: bytes, files: int) -> bool:
    """Return whether what is remembered of a directory may be the digest of so many files."""
    return known[:_COUNT_SIZE] == files.to_bytes(_COUNT_SIZE)


def _is_there(entry: "os.DirEntry[str]") -> bool:
    try:
        entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return True


def _is_tied(status: os.stat_result) -> bool:
    return status.st_nlink > 1 or stat.S_ISLNK(status.st_mode)
