"""Now, by every clock that a host has, and how old a record is by them: never by a clock that may have been set meanwhile."""

from typing import NamedTuple


class Moment(NamedTuple):
    """Now: in seconds since the epoch, in seconds since this boot (sleep included), and which boot this is."""

    wall: float
    boottime: float = 0.0
    boot_id: str = ""
    """Empty where it is not known; then the wall clock alone counts."""

    def age_seconds(
        self, captured: object, *, trusted: bool, boottime: object, boot_id: object
    ) -> float | None:
        """Return how long ago something was captured; None where no clock can tell.

        Within one boot its own clock tells, which nobody sets. Across boots only the wall clock does: it counts if it was
        trusted then, and says nothing of what it says is still to come.
        """
        if boot_id and boot_id == self.boot_id and isinstance(boottime, int | float):
            return max(0.0, self.boottime - boottime)
        if not trusted or not isinstance(captured, int | float) or captured > self.wall:
            return None
        return self.wall - captured
