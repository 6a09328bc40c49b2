"""How much memory bodies may take at once, over all connections and files that are taken in.

A body costs its bytes while it arrives, and many times that while it is worked on. Small ones have lanes
of their own, so that they never wait behind large ones, and the smallest take no more than any connection may
hold, so that they need no share. Who must wait is served in the order it came.
Nobody waits in here while holding what somebody before him waits for: arriving, then working, then done.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.http.limits import SMALL_BODY_BYTES

MOST_BYTES = 32 * 1024 * 1024
_COST_OF_WORK = 16
"""Bytes of memory a byte of JSON takes while it is checked and filled, and small values are what it holds."""
UNCOUNTED_BYTES = SMALL_BODY_BYTES // _COST_OF_WORK
"""Work on so little takes what every connection may hold anyway: it needs no share."""
_CGROUPS = Path("/sys/fs/cgroup")


class Share:
    """A part of a pool that is held until it is released; releasing twice is once."""

    def __init__(self, pool: "Pool", size: int) -> None:
        self._pool = pool
        self._size = size

    def release(self) -> None:
        """Give it back."""
        size, self._size = self._size, 0
        self._pool.give_back(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Pool:
    """So many bytes, lent to whoever came first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._waiting: deque[object] = deque()

    def take(
        self, size: int, timeout_seconds: float, is_over: Callable[[], bool] = lambda: False
    ) -> Share | None:
        """Return a share of `size` bytes, at most the whole pool; None when there was none in time."""
        size = min(size, self.size)
        with self._lock:
            if not self._waiting and self._free >= size:  # as nearly always
                self._free -= size
                return Share(self, size)
        ticket = object()
        deadline = time.monotonic() + timeout_seconds
        with self._lock:
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or self._free < size:
                    left = deadline - time.monotonic()
                    if left <= 0 or is_over():
                        return None
                    self._changed.wait(left)
                self._free -= size
                return Share(self, size)
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def give_back(self, size: int) -> None:
        """Take back what a share held."""
        with self._lock:
            self._free += size
            if self._waiting:
                self._changed.notify_all()

    def wake(self) -> None:
        """Have those who wait look again whether they still want to."""
        with self._lock:
            self._changed.notify_all()


class Budget:
    """The one budget of a process: make it once and hand it to everything that takes bodies in."""

    def __init__(self, size: int = MOST_BYTES) -> None:
        self.size = size
        self.arriving = Pool(size // 4)
        """For the bytes of large bodies while they come in."""
        self._small = Pool(size // 8)
        self._large = Pool(size // 2)

    def work(self, body_bytes: int, timeout_seconds: float) -> Share | None:
        """Return the share that work on a body takes, from reading it to having it on disk, or None."""
        lane = self._small if body_bytes <= SMALL_BODY_BYTES else self._large
        return lane.take(body_bytes * _COST_OF_WORK, timeout_seconds)


def budget_of_this_process(proc: Path = Path("/proc/self/cgroup"), root: Path = _CGROUPS) -> Budget:
    """Return 32 MiB, or a quarter of what this process' cgroups allow where that is less."""
    limits = [int(text) for text in _limits(proc, root) if text.isdecimal()]
    return Budget(min([MOST_BYTES, *(limit // 4 for limit in limits)]))


def _limits(proc: Path, root: Path) -> list[str]:
    """Return what the memory limits of the cgroup and of those around it say, in bytes or words."""
    found: list[str] = []
    try:
        lines = proc.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            directory, name = root / path.lstrip("/"), "memory.max"
        elif "memory" in controllers.split(","):
            directory, name = root / "memory" / path.lstrip("/"), "memory.limit_in_bytes"
        else:
            continue
        for place in (directory, *directory.parents):
            if place == root.parent:
                break
            try:
                found.append((place / name).read_text().strip())
            except OSError:
                continue
    return found
