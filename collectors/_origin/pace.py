"""How much of a processor one thread may take: what has a real-time priority keeps all others from running.

A storm of changes would have it read for ever. What it does not read then the kernel keeps, until its queue overflows: somebody is
unknown, and nobody waits. The service may not change a priority, so to give way is to sleep.
"""

import time
from collections.abc import Callable

SHARE = 0.1
"""Of one processor, in the long run."""
BURST_SECONDS = 0.1
"""So much processor time without a break, after a quiet second: some 500 changes."""
_REST_SECONDS = 0.02
"""With less than this to spend it does not begin again."""


class Pace:
    """The budget of the thread that asks; made and asked by that thread alone."""

    def __init__(
        self, used: Callable[[], float] = time.thread_time, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._used, self._now = used, now
        self._left = BURST_SECONDS
        self._used_before, self._asked_at = used(), now()

    def owed_seconds(self) -> float:
        """Return for how long to sleep before anything else is done; 0 while there is something left to spend."""
        used, now = self._used(), self._now()
        earned = (now - self._asked_at) * SHARE
        self._left = min(BURST_SECONDS, self._left + earned) - (used - self._used_before)
        self._used_before, self._asked_at = used, now
        return max(0.0, (_REST_SECONDS - self._left) / SHARE) if self._left < 0 else 0.0
