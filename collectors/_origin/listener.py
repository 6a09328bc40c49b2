"""The one thread that reads what the kernel tells, for as long as the process lives: one after another may have it work.

The service may not make a thread run at once; a step of its unit does that from outside, after the start, to the thread that the
kernel knows by this name (`agent/runtime/at_once.py`). So the thread is there before the service says that it is ready, and a
reload keeps it.
"""

import ctypes
import os
import queue
import threading
from collections.abc import Callable

from collectors._regular import start_thread

NAME = "who-watch"
"""As `/proc/PID/task/TID/comm` has it: only a thread of the process itself can set that."""
_SET_NAME = 15
"""PR_SET_NAME, of prctl(2)."""

_Work = tuple[Callable[[], None], threading.Event]


class Listener:
    """Does one piece of work at a time, in a thread of its own; for one thread at a time."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)
        self._is_named = threading.Event()
        self._last_done: threading.Event | None = None

    def start(self) -> None:
        """Begin, and return once the kernel knows the thread by its name; raises `Lacking` where there is no thread."""
        start_thread(self._thread.start)
        self._is_named.wait()

    def do(self, work: Callable[[], None]) -> threading.Event:
        """Have this done, once what was asked before is over; return what tells that it is."""
        done = self._last_done = threading.Event()
        self._waiting.put((work, done))
        return done

    def end(self) -> None:
        """End the thread once nothing is left to do; it is not waited for."""
        self._waiting.put(None)

    @property
    def is_free(self) -> bool:
        """Whether it can do something now; one that is at work may wait for a file system that does not answer."""
        return self._thread.is_alive() and (self._last_done is None or self._last_done.is_set())

    @property
    def native_id(self) -> int:
        """The kernel's number of the thread."""
        return self._thread.native_id or 0

    @property
    def is_at_once(self) -> bool:
        """Whether the kernel lets it run as soon as there is something to do, before what has no real-time priority."""
        try:
            policy = os.sched_getscheduler(self.native_id)
        except OSError:
            return False
        return policy & ~os.SCHED_RESET_ON_FORK in {os.SCHED_RR, os.SCHED_FIFO}

    def _run(self) -> None:
        ctypes.CDLL(None).prctl(_SET_NAME, NAME.encode(), 0, 0, 0)
        self._is_named.set()
        while (asked := self._waiting.get()) is not None:
            work, done = asked
            try:
                work()
            finally:
                done.set()
            del asked, work, done
