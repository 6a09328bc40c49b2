"""A word from the kernel that something changed right in some directories: inotify(7). What changed is found by looking.

Straight from libc: nothing is wanted but to be woken up, and an observer's threads and queue would cost more than all the rest.
"""

import ctypes
import os
import select
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from collectors.collector import Stop

CLOSE_WRITE, MOVED_TO, CREATE, DELETE = 0x8, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF, IGNORED = 0x400, 0x800, 0x8000
_ONLY_DIRECTORIES = 0x0100_0000
_HEADER_BYTES = 16


class Inotify:
    """Directories of which the kernel tells what is in `mask`; to be closed, as by a `with`."""

    def __init__(self, mask: int) -> None:
        """Raise `OSError` where the kernel gives none."""
        self._mask = mask | _ONLY_DIRECTORIES
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, directories: Iterable[Path]) -> list[Path]:
        """Watch these too (again does no harm); return those that cannot be."""
        return [
            directory
            for directory in directories
            if self._libc.inotify_add_watch(self._descriptor, os.fsencode(directory), self._mask) < 0
        ]

    def wait(self, stop: Stop, timeout_seconds: float | None) -> int:
        """Return what was told, as one mask, once something is; 0 when the time is over before that, or with the stop."""
        poll = select.poll()
        poll.register(stop.fileno(), select.POLLIN)
        poll.register(self._descriptor, select.POLLIN)
        poll.poll(None if timeout_seconds is None else timeout_seconds * 1000)
        told = 0
        with suppress(BlockingIOError):
            while not stop.is_set() and (data := os.read(self._descriptor, 65536)):
                while data:
                    told |= int.from_bytes(data[4:8], "little")
                    data = data[_HEADER_BYTES + int.from_bytes(data[12:16], "little") :]
        return told

    def close(self) -> None:
        """End all watches."""
        os.close(self._descriptor)
