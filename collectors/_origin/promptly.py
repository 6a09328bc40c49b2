"""System calls that let no other thread of this process run first: who is to be named may be gone some microseconds later.

Python gives way to its other threads at each call to the kernel, and the same change wakes up those that watch it too. What is called
here waits for nothing: it reads what the kernel answers from memory.
"""

import ctypes
import os

from collectors._origin.fanotify import checked

_LIBC = ctypes.PyDLL(None, use_errno=True)
_open, _read, _close = _LIBC.open, _LIBC.read, _LIBC.close


def read_descriptor(fd: int, limit: int) -> bytes:
    """Return what an open descriptor that does not block has to read, `limit` bytes at most; raises OSError."""
    buffer = ctypes.create_string_buffer(limit)
    count = checked(_read(fd, buffer, limit))
    return ctypes.string_at(buffer, count)


def read_file(path: bytes, limit: int) -> bytes:
    """Return the first `limit` bytes of a file of /proc, which has to give them in one read; raises OSError."""
    fd = checked(_open(path, os.O_RDONLY | os.O_CLOEXEC))
    try:
        return read_descriptor(fd, limit)
    finally:
        _close(fd)
