"""What goes wrong again and again, logged when it begins and then folded into a line now and then."""

import logging
import time
from collections.abc import Callable

_FOLDED_SECONDS = 600.0


class Trouble:
    """The troubles of one thing; for one thread."""

    def __init__(
        self, log: logging.Logger, what: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._what = what
        self._monotonic = monotonic
        self._told: dict[str, float] = {}
        self._untold = 0

    def happened(self, reason: str) -> None:
        """Log it, or only count it where the same was said not long ago."""
        now = self._monotonic()
        if now - self._told.get(reason, -_FOLDED_SECONDS) < _FOLDED_SECONDS:
            self._untold += 1
            return
        more = f" ({self._untold} failures since the last line)" if self._untold else ""
        self._log.warning("%s: %s; trying again%s", self._what, reason, more)
        self._told, self._untold = {**self._recent(now), reason: now}, 0

    def _recent(self, now: float) -> dict[str, float]:
        return {reason: at for reason, at in self._told.items() if now - at < _FOLDED_SECONDS}
