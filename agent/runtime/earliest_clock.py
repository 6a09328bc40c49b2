"""What time it is at least: by the earliest that this process ever read its wall clock, carried on by CLOCK_BOOTTIME.

What waits is dropped by its age. A clock that a bad time server sets years ahead must not make it old, and
nothing says for how long it stays wrong. So a step ahead counts from the next start on, a step back at once.
"""

from agent.delivery.correction import Clocks
from spool import Moment


class EarliestClock:
    """Reads the clocks when it is made and at each `moment`; for one thread alone."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._offset_seconds = float("inf")
        self._read()

    def moment(self) -> Moment | None:
        """Return now, never later than it is; None while nobody keeps the clock right."""
        if not self._read():
            return None
        boottime = self._clocks.boottime()
        return Moment(boottime + self._offset_seconds, boottime, self._clocks.boot_id)

    def _read(self) -> bool:
        is_trusted = self._clocks.is_trusted()
        if is_trusted:
            self._offset_seconds = min(self._offset_seconds, self._clocks.wall() - self._clocks.boottime())
        return is_trusted
