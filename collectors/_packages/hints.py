"""A word from the kernel that something in a few directories changed: inotify, and nothing else.

Straight from libc, for two directories on every host: an observer's threads would cost more than all
the rest of this collector. A hint says only "look"; when the kernel refuses or forgets, time does.
"""

import ctypes
import os
import select
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from collectors.collector import Stop

_IN_CLOSE_WRITE, _IN_MOVED_TO, _IN_CREATE, _IN_DELETE, _IN_ONLYDIR = 0x8, 0x80, 0x100, 0x200, 0x01000000
_IN_MOVE_SELF, _IN_IGNORED = 0x800, 0x8000
_MASK = _IN_CLOSE_WRITE | _IN_MOVED_TO | _IN_CREATE | _IN_DELETE | _IN_MOVE_SELF | _IN_ONLYDIR
_HEADER_BYTES = 16
_SLOW_SECONDS = 60.0


class Hints:
    """Waits for changes right in `directories`; `is_slow` when it has to look at intervals instead."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = tuple(directories)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = -1
        self.is_slow = True
        self._watch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def wait(self, stop: Stop, timeout_seconds: float | None = None) -> bool:
        """Block until there is a hint (True), until the time is over, or until `stop` (False)."""
        if self.is_slow:
            if stop.wait(_SLOW_SECONDS if timeout_seconds is None else timeout_seconds):
                return False
            self._watch()
            return timeout_seconds is None
        poll = select.poll()
        poll.register(stop.fileno(), select.POLLIN)
        poll.register(self._descriptor, select.POLLIN)
        milliseconds = None if timeout_seconds is None else timeout_seconds * 1000
        ready = {descriptor for descriptor, _ in poll.poll(milliseconds)}
        if stop.is_set() or self._descriptor not in ready:
            return False
        self._drain()
        return True

    def _watch(self) -> None:
        """Try to watch all of the directories; a slow look it is until that works."""
        self._close()
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        added = [
            self._libc.inotify_add_watch(self._descriptor, os.fsencode(directory), _MASK)
            for directory in self._directories
            if self._descriptor >= 0
        ]
        self.is_slow = self._descriptor < 0 or min(added, default=-1) < 0

    def _drain(self) -> None:
        """Read what waits; a watch whose directory went, or went elsewhere, means to look slowly and try again."""
        data = os.read(self._descriptor, 65536)
        while len(data) >= _HEADER_BYTES:
            mask = int.from_bytes(data[4:8], "little")
            if mask & (_IN_MOVE_SELF | _IN_IGNORED):
                self.is_slow = True
            data = data[_HEADER_BYTES + int.from_bytes(data[12:16], "little") :]

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
