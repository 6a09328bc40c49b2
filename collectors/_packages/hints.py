"""A word that something in a few directories changed, where the kernel gives one; when it refuses or forgets, time does.

A hint says only "look".
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from collectors._inotify import CLOSE_WRITE, CREATE, DELETE, IGNORED, MOVE_SELF, MOVED_TO, Inotify
from collectors.collector import Stop

_MASK = CLOSE_WRITE | MOVED_TO | CREATE | DELETE | MOVE_SELF
_SLOW_SECONDS = 60.0


class Hints:
    """Waits for changes right in `directories`; `is_slow` when it has to look at intervals instead."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = tuple(directories)
        self._inotify: Inotify | None = None
        self._watch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def is_slow(self) -> bool:
        """Return whether not all of the directories are watched."""
        return self._inotify is None

    def wait(self, stop: Stop, timeout_seconds: float | None = None) -> bool:
        """Block until there is a hint (True), until the time is over, or until `stop` (False)."""
        if self._inotify is None:
            if stop.wait(_SLOW_SECONDS if timeout_seconds is None else timeout_seconds):
                return False
            self._watch()
            return timeout_seconds is None
        told = self._inotify.wait(stop, timeout_seconds)
        if told & (MOVE_SELF | IGNORED):
            self._close()  # a directory went, or went elsewhere: look slowly and try again
        return bool(told)

    def _watch(self) -> None:
        """Try to watch all of the directories; a slow look it is until that works."""
        with suppress(OSError):
            self._inotify = Inotify(_MASK)
            if self._inotify.watch(self._directories):
                self._close()

    def _close(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
        self._inotify = None
