"""The request to end, as a thread can wait for it and as poll(2) can."""

import os
from threading import Event


class StopSignal:
    """Set once, never unset; see `collectors.collector.Stop`."""

    def __init__(self) -> None:
        self._event = Event()
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def is_set(self) -> bool:
        """Return whether the run is to end."""
        return self._event.is_set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until set (True) or until the time is over (False)."""
        return self._event.wait(timeout_seconds)

    def fileno(self) -> int:
        """Return a descriptor that polls readable from the moment this is set."""
        return self._descriptor

    def set(self) -> None:
        """Ask to end."""
        if not self._event.is_set():
            self._event.set()
            os.eventfd_write(self._descriptor, 1)

    def close(self) -> None:
        """Give the descriptor back; only when nobody waits any more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
