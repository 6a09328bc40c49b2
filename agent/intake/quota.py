"""At most half of the spool for what is handed in: a flood must not push out what this host saw itself."""

import time
from collections.abc import Callable
from threading import Lock

_LOOK_AGAIN_SECONDS = 1.0


class IntakeQuota:
    """Says whether there is room; it measures when what came since could have filled it, not each time."""

    def __init__(
        self,
        measure: Callable[[], int],
        limit_bytes: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._measure = measure
        self._limit_bytes = limit_bytes
        self._monotonic = monotonic
        self._taken = limit_bytes()
        self._full_until = float("-inf")
        self._lock = Lock()

    def has_room(self, size_bytes: int) -> bool:
        """Return whether so many bytes more fit, as they are stored; then they count as taken."""
        with self._lock:
            limit = self._limit_bytes()
            if self._taken + size_bytes > limit:
                if self._monotonic() < self._full_until:
                    return False
                self._taken = self._measure()
            if self._taken + size_bytes > limit:
                self._full_until = self._monotonic() + _LOOK_AGAIN_SECONDS
                return False
            self._taken += size_bytes
            return True
