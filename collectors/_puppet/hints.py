"""The kernel's word that something changed in a directory. What changed is found by looking.

Straight inotify: of a dozen directories nothing is wanted but a wake-up, so no threads and no queue.
"""

import contextlib
import ctypes
import os
import select
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from collectors.collector import Stop

_CLOSE_WRITE = 0x8
_MOVED_TO = 0x80
_CREATE = 0x100
_DELETE_SELF = 0x400
_MOVE_SELF = 0x800
_ONLY_DIRECTORIES = 0x0100_0000
_MASK = _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF | _ONLY_DIRECTORIES


class DirectoryHints:
    """Wakes up when a file appears or is written in one of some directories; see inotify(7)."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def watch(self, directories: Iterable[Path]) -> list[Path]:
        """Watch these too (again does no harm); return those that cannot be."""
        return [
            directory
            for directory in directories
            if self._libc.inotify_add_watch(self._descriptor, os.fsencode(directory), _MASK) < 0
        ]

    def wait(self, stop: Stop, timeout_seconds: float | None) -> None:
        """Wait for a change, for the stop, or until the time is over; forget what was told so far."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.register(stop.fileno(), select.POLLIN)
        poll.poll(None if timeout_seconds is None else timeout_seconds * 1000)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._descriptor, 65536):
                pass

    def close(self) -> None:
        """End all watches."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
