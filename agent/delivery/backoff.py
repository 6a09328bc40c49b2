"""How long to wait after a failure: full jitter, within a window that doubles up to a cap.

Even the first wait is random, over a window of its own: hosts that lost a receiver at the same
moment must not come back to it at the same moment. Pure; who waits, and what interrupts it, is the
loop's.
"""

import random
from collections.abc import Callable

import msgspec

BELIEVABLE_SECONDS = 3600.0
"""A Retry-After of more than this is a mistake or a maintenance page: our own cap is used."""

_MOST_DOUBLINGS = 32


class Backoff(msgspec.Struct, frozen=True):
    """The bounds of the wait; `spread` gives a random number between two."""

    initial_seconds: float
    max_seconds: float
    spread: Callable[[float, float], float] = random.uniform

    def window(self, failures: int) -> float:
        """Return the longest wait after so many failures in a row, the first being 1."""
        doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
        return float(min(self.max_seconds, self.initial_seconds * 2**doublings))

    def delay(self, failures: int, retry_after_seconds: float | None = None) -> float:
        """Return how long to wait; what the other side asked for is the least, when it can be believed."""
        if retry_after_seconds is None or retry_after_seconds <= 0:
            return self.spread(0, self.window(failures))
        if retry_after_seconds > max(BELIEVABLE_SECONDS, self.max_seconds):
            return self.spread(self.max_seconds / 2, self.max_seconds)
        return retry_after_seconds + self.spread(0, max(self.initial_seconds, retry_after_seconds / 10))

    def probe_delay(self) -> float:
        """Return how long to wait before a paused destination is tried again: never less than the cap."""
        return self.spread(self.max_seconds, self.max_seconds * 1.1)
