"""What other threads ask of a delivery loop: to try now, to send everything once, to end.

Each request wakes the loop, which looks at all of them once a turn; none is lost in between.
"""

import time
from collections.abc import Callable
from threading import Condition, Event


class LoopControl:
    """The requests to one loop; `awake` is what has to stir besides `wake`, the spool's waiters."""

    def __init__(self, awake: Callable[[], None]) -> None:
        self._awake = awake
        self._is_poked = False
        self._ends: float | None = None
        self._flushes = Condition()
        self._wanted = self._answered = 0
        self._delivered = False
        self.wake = Event()
        """Set by every request, cleared by the loop at the start of a turn."""

    # For other threads

    def poke(self) -> None:
        """Ask for a try now."""
        self._is_poked = True
        self._alarm()

    def stop(self, flush_seconds: float) -> None:
        """Ask for the end, after sending what can be sent in so many seconds."""
        self._ends = time.monotonic() + flush_seconds
        self._alarm()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything that waits now was tried once; return whether all of it was delivered."""
        with self._flushes:
            self._wanted += 1
            ticket = self._wanted
            self._alarm()
            self._flushes.wait_for(lambda: self._answered >= ticket, timeout_seconds)
            return self._answered >= ticket and self._delivered

    # For the loop

    @property
    def is_stopping(self) -> bool:
        """Return whether the end was asked for."""
        return self._ends is not None

    @property
    def seconds_left(self) -> float:
        """Return the seconds until the end, infinity while none was asked for."""
        return float("inf") if self._ends is None else self._ends - time.monotonic()

    @property
    def is_urgent(self) -> bool:
        """Return whether somebody waits for what is to be sent."""
        return self.is_stopping or self._wanted > self._answered

    def take_poke(self) -> bool:
        """Return whether a try was asked for since the last call."""
        was_poked, self._is_poked = self._is_poked, False
        return was_poked

    def flushes(self) -> int:
        """Return a ticket for the flushes asked for until now."""
        return self._wanted

    def answer(self, ticket: int, *, delivered: bool) -> None:
        """Tell those who hold this ticket, or an earlier one, what became of it."""
        with self._flushes:
            if ticket > self._answered:
                self._answered = ticket
                self._delivered = delivered
                self._flushes.notify_all()

    def _alarm(self) -> None:
        self.wake.set()
        self._awake()
