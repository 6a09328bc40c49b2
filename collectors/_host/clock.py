"""Reading the host's clocks together, and whether the one on the wall may be believed.

Elapsed time comes from CLOCK_BOOTTIME, which no clock step moves; the wall clock is only for people.
"""

import time
from pathlib import Path

import msgspec

_TIME_ERROR = 5
_TIMEX_BYTES = 256  # struct timex has 208 on 64 bits


class Instant(msgspec.Struct, frozen=True, array_like=True):
    """One moment by every clock of the host, in seconds."""

    wall: float
    boottime: float
    """Since the kernel started, with sleep."""
    monotonic: float
    """The same without sleep."""
    trusted: bool
    """The wall clock is synchronised, or was set from a battery-backed clock."""

    @property
    def slept(self) -> float:
        """How long this kernel has slept so far."""
        return self.boottime - self.monotonic


def read_instant(root: Path = Path("/")) -> Instant:
    """Read all clocks."""
    return Instant(
        wall=time.time(),
        boottime=time.clock_gettime(time.CLOCK_BOOTTIME),
        monotonic=time.clock_gettime(time.CLOCK_MONOTONIC),
        trusted=_is_synchronised(root) or _was_set_from_battery(root),
    )


def _is_synchronised(root: Path) -> bool:
    """Ask the kernel; where a sandbox forbids that, see what systemd-timesyncd left."""
    import ctypes

    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    if state < 0:
        return (root / "run/systemd/timesync/synchronized").exists()
    return bool(state != _TIME_ERROR)


def _was_set_from_battery(root: Path) -> bool:
    """Without a battery-backed clock the time at boot is made up: often the time of the last shutdown."""
    for answer in (root / "sys/class/rtc").glob("rtc*/hctosys"):
        try:
            if answer.read_text().strip() == "1":
                return True
        except OSError:
            continue
    return False
