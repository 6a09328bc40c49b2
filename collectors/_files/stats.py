"""The stats of one directory's files, and one digest of them: equal digests, and nothing of them changed. Pure."""

import os
import stat
from _blake2 import blake2b  # the module behind hashlib, which would bring OpenSSL
from collections.abc import Sequence

from collectors._files.fingerprint import RACY_NANOSECONDS, STAT_SIZE, fields_of, pack_all

_NO_TARGET = bytes(STAT_SIZE)


class Stats:
    """The stats in the order of the listing; `now` in nanoseconds since the epoch."""

    def __init__(self, now: int) -> None:
        self._latest = now - RACY_NANOSECONDS
        self._names: list[str] = []
        self._packed: list[bytes] = []
        self._targets: list[bytes] = []
        self.is_sure = True
        """Whether all that is to be known is in it."""

    def add(self, name: str, packed: bytes, ctime_ns: int) -> None:
        """Add one file; one that changed just now makes the digest worthless."""
        self._names.append(name)
        self._packed.append(packed)
        if ctime_ns > self._latest:
            self.is_sure = False

    def add_all(self, entries: Sequence["os.DirEntry[str]"]) -> list["os.DirEntry[str]"]:
        """Add files by their entries; return those that hang together with other names: links, files with several names.

        All at once, for a restart asks this of every file there is. One that went meanwhile is left out.
        """
        try:
            found = [entry.stat(follow_symlinks=False) for entry in entries]
        except OSError:
            entries = [entry for entry in entries if _is_there(entry)]
            found = [entry.stat(follow_symlinks=False) for entry in entries]  # as the entry keeps it
        self._names += [entry.name for entry in entries]
        self._packed += pack_all([fields_of(status) for status in found])
        if max([status.st_ctime_ns for status in found], default=0) > self._latest:
            self.is_sure = False
        return [entry for entry, status in zip(entries, found, strict=True) if _is_tied(status)]

    def add_target(self, packed: bytes) -> None:
        """Add what a link leads to, empty for nothing."""
        self._targets.append(packed or _NO_TARGET)

    def by_name(self) -> dict[str, bytes]:
        """Return the packed stat of each file."""
        return dict(zip(self._names, self._packed, strict=True))

    def digest(self, configuration: bytes) -> bytes:
        """Return the digest, good for this configuration alone; empty when it would prove nothing."""
        if not self.is_sure:
            return b""
        digest = blake2b(os.fsencode("/".join(self._names)), digest_size=16)
        for part in (b"".join(self._packed), b"".join(self._targets), configuration):
            digest.update(b"/")
            digest.update(part)
        return digest.digest()


def _is_there(entry: "os.DirEntry[str]") -> bool:
    try:
        entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return True


def _is_tied(status: os.stat_result) -> bool:
    return status.st_nlink > 1 or stat.S_ISLNK(status.st_mode)
