"""The reserve: a file of real blocks, given up when the disk is full so that SQLite can make room.

Without it a full disk is a trap: SQLite needs space in the -wal even to delete and to checkpoint.
"""

import os
from contextlib import suppress
from pathlib import Path

from spool import failpoints

NAME = "reserve"
_CHUNK_BYTES = 64 * 1024


def make(directory: Path, size_bytes: int) -> bool:
    """Make the reserve unless it is there; return whether it is, whole."""
    path = directory / NAME
    with suppress(OSError):
        status = path.lstat()
        if status.st_size == size_bytes and status.st_blocks * 512 >= size_bytes:
            return True
        path.unlink()
    # Twice its size must be free: a reserve that takes the last of the disk causes what it is for.
    if free_bytes(directory) < 2 * size_bytes:
        return False
    try:
        _fill(path, size_bytes)
    except OSError:
        with suppress(OSError):
            path.unlink()
        return False
    failpoints.reached("reserve.made")
    return True


def release(directory: Path) -> bool:
    """Give its space to whoever needs it; return whether there was a reserve."""
    try:
        (directory / NAME).unlink()
    except OSError:
        return False
    failpoints.reached("reserve.removed")
    return True


def exists(directory: Path) -> bool:
    """Return whether there is a reserve."""
    return (directory / NAME).exists()


def free_bytes(directory: Path) -> int:
    """Return what this process may still write on the directory's file system."""
    try:
        status = os.statvfs(directory)
    except OSError:
        return 1 << 62
    return status.f_bavail * status.f_frsize


def _fill(path: Path, size_bytes: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
        except OSError:  # a file system without it: written, and never sparse
            for offset in range(0, size_bytes, _CHUNK_BYTES):
                os.pwrite(descriptor, os.urandom(min(_CHUNK_BYTES, size_bytes - offset)), offset)
    finally:
        os.close(descriptor)
