"""A stamp: one small value that an owner writes again and again, in place, without a transaction.

It is for what no record waits for, such as when the host was last seen: a transaction would write the same to
several pages of three files. Two files of one page take turns, each with its checksum, so what a power loss tears is the
newer, and the one before it still stands. What is read may be older than what was written last, or nothing, where
a file is damaged or gone: it must never be all that an owner knows of something.
"""

import os
import struct
import zlib
from pathlib import Path

from spool.errors import SpoolError
from spool.incoming import sync_directory

PAGE_BYTES = 4096
SUFFIXES = (".stamp-a", ".stamp-b")
"""Of two files, not of two pages of one: the kernel may keep these as one, and would write both."""
_HEAD = struct.Struct("<4sIQI")
"""What it is, the checksum of all that follows, how many were written before, how many bytes it has."""
_MAGIC = b"STMP"
_CHECKED_FROM = 8
MOST_BYTES = PAGE_BYTES - _HEAD.size
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Stamp:
    """The stamp of one owner; the caller sees to it that one thread writes it."""

    def __init__(self, directory: Path, owner: str) -> None:
        self._paths = [directory / f"{owner}{suffix}" for suffix in SUFFIXES]
        self._count: int | None = None
        """How many were written before; None until somebody looked: each look has the time of access written."""

    def read(self) -> bytes | None:
        """Return the newest value that is whole; None where there is none."""
        return self._newest()[1]

    def write(self, value: bytes) -> None:
        """Put `value` in place of the older of the two; on disk when it returns, else it raises `SpoolError`."""
        if len(value) > MOST_BYTES:
            raise SpoolError(f"a stamp holds {MOST_BYTES} bytes")
        if self._count is None:
            self._count = self._newest()[0]
        self._count += 1
        path = self._paths[self._count % len(self._paths)]
        try:
            _write(path, _page(self._count, value))
        except OSError as error:
            raise SpoolError(f"{path} cannot be written: {error.strerror}") from None

    def _newest(self) -> tuple[int, bytes | None]:
        found = [one for path in self._paths if (one := _read(path)) is not None]
        return max(found, default=(0, None))


def _write(path: Path, page: bytes) -> None:
    """Write a file's one page; one that was not there before has its name on disk, too."""
    descriptor = os.open(path, _FLAGS | os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        is_new = os.fstat(descriptor).st_size != len(page)
        if is_new:
            os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, page, 0)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync_directory(path.parent)


def _page(count: int, value: bytes) -> bytes:
    """Return a page: what stood there before is overwritten whole."""
    checked = struct.pack("<QI", count, len(value)) + value
    return (_MAGIC + struct.pack("<I", zlib.crc32(checked)) + checked).ljust(PAGE_BYTES, b"\0")


def _read(path: Path) -> tuple[int, bytes] | None:
    """Return count and value of a file; None where it is not what was written, or cannot be read."""
    try:
        descriptor = os.open(path, _FLAGS | os.O_RDONLY)
        try:
            page = os.read(descriptor, PAGE_BYTES)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    if len(page) < PAGE_BYTES:
        return None
    magic, crc, count, length = _HEAD.unpack_from(page)
    checked = page[_CHECKED_FROM : _HEAD.size + length]
    if magic != _MAGIC or zlib.crc32(checked) != crc:
        return None
    return count, page[_HEAD.size : _HEAD.size + length]
