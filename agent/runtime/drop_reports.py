"""Telling what was dropped: the first drop at once, then what follows folded into one event an hour."""

import time
from collections.abc import Callable, Sequence

from spool import Drop, Spool

FOLD_SECONDS = 3600.0
AGAIN_SECONDS = 60.0


class DropReports:
    """Watches the spool for drops. `notice` is for any thread, the rest for the one that tells."""

    def __init__(
        self,
        spool: Spool,
        tell: Callable[[Sequence[Drop]], int],
        ring: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = spool
        self._tell = tell
        self._ring = ring
        self._monotonic = monotonic
        self._last_told = float("-inf")

    def notice(self) -> None:
        """Wake whoever tells, when something was dropped and it is time to tell it."""
        if self._spool.notices.has_drops and self._is_time():
            self._ring()

    def wait_seconds(self) -> float | None:
        """Return after how long there is something to tell; None when nothing was dropped."""
        if not self._spool.notices.has_drops:
            return None
        return max(1.0, self._last_told + FOLD_SECONDS - self._monotonic())

    def tell_due(self) -> None:
        """Tell everything that was dropped and not told yet, if it is time."""
        if self._spool.notices.has_drops and self._is_time():
            self._last_told = self._monotonic()
            drops = self._spool.notices.drops()
            if number := self._tell(drops):
                self._spool.notices.tell_drops(drops, number)
            else:
                self._last_told += AGAIN_SECONDS - FOLD_SECONDS

    def _is_time(self) -> bool:
        return self._monotonic() - self._last_told >= FOLD_SECONDS
