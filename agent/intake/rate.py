"""How much may be handed in: a flood ends in 429, and leaves the other half of the spool alone."""

import time
from collections.abc import Callable
from threading import Lock


class Rate:
    """A bucket of `burst` events that refills by `per_second`."""

    def __init__(
        self, per_second: float, burst: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._monotonic = monotonic
        self._left = burst
        self._at = monotonic()
        self._lock = Lock()

    def take(self, events: int) -> float:
        """Take room for so many events and return 0, or take none and return after how many seconds."""
        with self._lock:
            now = self._monotonic()
            left = min(self._burst, self._left + (now - self._at) * self._per_second)
            self._at = now
            # More than a whole bucket passes when it is full, else it would never.
            if events > left < self._burst:
                self._left = left
                return (min(events, self._burst) - left) / self._per_second
            self._left = left - events
            return 0.0
