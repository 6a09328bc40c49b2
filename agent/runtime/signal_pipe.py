"""Signals as values, for the one thread that waits for them: nothing runs inside a signal handler."""

import os
import select
import signal
from collections.abc import Iterable
from types import FrameType

_MILLISECONDS = 1000


class SignalPipe:
    """Blocks until a signal comes, somebody rings, or the time is over. Made by the main thread."""

    def __init__(self, watched: Iterable[signal.Signals]) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = {number: signal.signal(number, _ignore) for number in watched}
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._watched: dict[int, int] = {}

    def watch(self, descriptor: int, number: int) -> None:
        """Have `wait` return `number`, too, when something exceptional happens to a descriptor, as POLLPRI says."""
        self._watched[descriptor] = number

    def wait(self, timeout_seconds: float | None) -> set[int]:
        """Return the signals that came; empty when the time is over or somebody rang."""
        waiting = select.poll()
        waiting.register(self._read, select.POLLIN)
        for descriptor in self._watched:
            waiting.register(descriptor, select.POLLPRI)
        ready = waiting.poll(None if timeout_seconds is None else timeout_seconds * _MILLISECONDS)
        came = {self._watched[descriptor] for descriptor, _ in ready if descriptor in self._watched}
        try:
            return came | {number for number in os.read(self._read, 4096) if number}
        except BlockingIOError:
            return came

    def ring(self) -> None:
        """Wake `wait` from any thread."""
        try:
            os.write(self._write, b"\0")
        except OSError:
            return  # full of reasons to wake up, or closed

    def close(self) -> None:
        """Give signals back to whoever had them."""
        signal.set_wakeup_fd(self._wakeup_before)
        for number, before in self._before.items():
            signal.signal(number, before)
        write, self._write = self._write, -1
        os.close(self._read)
        os.close(write)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the number has gone into the pipe."""
