"""A thread for one remote file system: what hangs on it hangs there, and costs that file system alone.

A dead server blocks whoever asks it for anything, in any step: at the first question, when a file is opened, in the
middle of a read. So all that asks such a file system is handed to its thread, and waited for only as long as it goes
on answering. What is given up is never taken up again: when the call returns at last, the work ends there.
"""

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from collectors._files.job import Job, Stopped
from collectors._files.out_of_reach import NO_ANSWER, Lost, OutOfReach
from collectors._regular import start_thread

T = TypeVar("T")

_SLICE_SECONDS = 0.05
"""So often, while an answer is waited for, the others are looked after."""
_LAST_SECONDS = 0.5
"""So long, all in all, is waited for answers after the stop."""
_MAX_PAUSE_SECONDS = 3600.0


class _Working(threading.local):
    work: "_Work | None" = None


_working = _Working()


class GivenUp(BaseException):
    """Nobody waits for this work any more: it ends, and touches nothing."""


def beat() -> None:
    """Say, in the middle of work that may take long, that the file system has just answered."""
    work = _working.work
    if work is not None:
        work.beats += 1
        if work.is_given_up:
            raise GivenUp


class Place(Protocol):
    """Where something is asked for."""

    def do(self, call: Callable[[], T]) -> T:
        """Return what a call returns, or raise what it raises; `OutOfReach` when the file system does not answer."""
        ...


class _Here:
    """The thread that asks: for what hangs nobody."""

    def do(self, call: Callable[[], T]) -> T:
        return call()


HERE: Place = _Here()


def each(place: Place, values: Iterator[T]) -> Iterator[T]:
    """Yield values, none of them None, each of which is made in a place."""
    if place is HERE:
        yield from values
        return
    while (value := place.do(lambda: next(values, None))) is not None:
        yield value


class _Work:
    """One call, and what became of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.result: Any = None
        self.error: BaseException | None = None
        self.beats = 0
        self.is_done = self.is_given_up = False


class MountThread:
    """The thread of the file system at `point`.

    `on_return` is called from it when an answer comes after it was given up; `meanwhile` by whoever waits for an
    answer, now and then, and must not raise.
    """

    def __init__(
        self, point: str, job: Job, on_return: Callable[[], object], meanwhile: Callable[[], object]
    ) -> None:
        self._lost = Lost(point, NO_ANSWER)
        self._host = job.host
        self._stop = job.runtime.stop
        self._on_return, self._meanwhile = on_return, meanwhile
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.is_lost = False
        """Whether it was given up; it is asked on until it answers in time."""
        self._pause_seconds, self._returned_at = 0.0, float("-inf")
        self._last_until: float | None = None
        self.answered_at = float("-inf")
        """When it answered last, in monotonic seconds."""
        self._done_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._done, self._done_or_stop = select.poll(), select.poll()
        self._done.register(self._done_fd, select.POLLIN)
        self._done_or_stop.register(self._done_fd, select.POLLIN)
        self._done_or_stop.register(self._stop.fileno(), select.POLLIN)
        self._thread = threading.Thread(target=self._run, name="files-ask", daemon=True)
        try:
            start_thread(self._thread.start)
        except OSError:
            os.close(self._done_fd)
            raise

    @property
    def is_mine(self) -> bool:
        """Return whether it is this thread that asks."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Have the thread end: at once, or when the call returns in which it hangs."""
        self._closed.set()
        self._queue.put(None)
        if not self.is_lost:
            self._thread.join()
        os.close(self._done_fd)

    def do(self, call: Callable[[], T]) -> T:
        """See `Place`; raises `Stopped` when the stop comes meanwhile and the answer does not."""
        if self.is_mine:
            return call()
        if self.is_lost:
            raise OutOfReach(self._lost)
        work = _Work(call)
        self._queue.put(work)
        while not self._has_answered(work):
            self._wait(work)
        if work.error is not None:
            raise work.error
        result: T = work.result
        return result

    def _has_answered(self, work: _Work) -> bool:
        with self._lock:
            return work.is_done

    def _wait(self, work: _Work) -> None:
        """Wait as long as the file system goes on answering; give up when it does not."""
        beats = work.beats
        error: Exception
        if self._stop.is_set():
            now = self._host.monotonic()
            self._last_until = self._last_until or now + _LAST_SECONDS
            woken = bool(self._done.poll(max(0, int(1000 * (self._last_until - now)))))
            error = Stopped()
        else:
            woken = self._is_woken(self._host.patience_seconds)
            error = OutOfReach(self._lost)
        if not woken and work.beats == beats:
            self._give_up(work, error)
        with suppress(BlockingIOError):
            os.eventfd_read(self._done_fd)

    def _is_woken(self, left: float) -> bool:
        """Wait so many seconds for the answer or the stop, and look after the others now and then; return whether one came."""
        while not self._done_or_stop.poll(1 + int(1000 * min(left, _SLICE_SECONDS))):
            left -= _SLICE_SECONDS
            if left <= 0:
                return False
            self._meanwhile()
        return True

    def _give_up(self, work: _Work, error: Exception) -> None:
        with self._lock:
            if not work.is_done:
                work.is_given_up = self.is_lost = True
                raise error

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            _working.work = work
            try:
                work.result = work.call()
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for it
                work.error = error
            _working.work = None
            self.answered_at = self._host.monotonic()
            with self._lock:
                work.is_done = True
                if not work.is_given_up:
                    os.eventfd_write(self._done_fd, 1)
            if work.is_given_up:
                self._recover()
            del work  # it holds what was open

    def _recover(self) -> None:
        """Ask until an answer comes in time: what answers slowly would hold up every other file at each look.

        Where some files hang and others do not, it is asked less and less often.
        """
        if self._host.monotonic() - self._returned_at > _MAX_PAUSE_SECONDS:
            self._pause_seconds = 0.0
        self._closed.wait(self._pause_seconds)
        self._pause_seconds = min(
            _MAX_PAUSE_SECONDS, max(self._host.patience_seconds, 2 * self._pause_seconds)
        )
        while not self._closed.is_set() and not self._is_in_time():
            self._closed.wait(self._host.patience_seconds)
        with self._lock:
            self.is_lost = False
        self._returned_at = self.answered_at
        if not self._closed.is_set():
            self._on_return()

    def _is_in_time(self) -> bool:
        began = self._host.monotonic()
        with suppress(OSError):  # an error is an answer
            self._host.ask(self._lost.point)
        self.answered_at = self._host.monotonic()
        return self.answered_at - began <= self._host.patience_seconds
