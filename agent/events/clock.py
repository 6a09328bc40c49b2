"""What time it is, and whether that is to be believed.

The wall clock of a host without a battery is wrong by years until NTP has set it, and steps then.
Which boot this is and how long it has run never lie: a boot id and CLOCK_BOOTTIME.
"""

import ctypes
import os
import time
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

STA_UNSYNC = 0x0040  # adjtimex(2): the kernel was never told that its clock is right, or long ago
SETTERS = tuple(
    Path("/run") / name
    for name in (
        "systemd/timesync",
        "chrony/chronyd.pid",
        "chronyd.pid",
        "ntpd.pid",
        "ntpsec.pid",
        "openntpd.pid",
    )
)
"""What is there while a program runs that sets the clock when it can."""

_NOT_BEFORE = 1_767_225_600  # 2026-01-01: a clock from before this program was written is wrong
_SIZEOF_TIMEX = 208  # on 64-bit Linux; the buffer below is larger
_OFFSETOF_STATUS = {8: 40, 4: 20}  # by the size of a long: modes, offset, freq, maxerror, esterror, status

_RECENT_SECONDS, _SET_BY_SECONDS = 1.0, 0.05
"""For so long what was found of the clock is true; one that moved by so much against the other was set."""

_START_TIME = 22 - 3  # field 22 of proc(5)'s stat; the two before the third are cut off

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
"""systemd's, and D-Bus's own where there is no systemd."""


boottime = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
"""Returns seconds since this boot, sleep included."""


def read_start_of_boot(process_1: Path = Path("/proc/1/stat")) -> float:
    """Return when process 1 was started, in a container its own, by today's wall clock in epoch seconds."""
    fields = _read(process_1).rpartition(")")[2].split()  # what is between the brackets may hold anything
    ticks = int(fields[_START_TIME]) if len(fields) > _START_TIME else 0
    return time.time() - boottime() + ticks / os.sysconf("SC_CLK_TCK")


def read_boot_id(path: Path = BOOT_ID) -> str:
    """Return the name of this boot, empty where it is hidden from us."""
    return _read(path)


def read_machine_id(paths: Iterable[Path] = MACHINE_IDS) -> str:
    """Return the name of this installation, empty where it has none (yet)."""
    names = (_read(path) for path in paths)
    return next((name for name in names if name and name != "uninitialized"), "")


def is_trusted(
    read_status: Callable[[], int] | None = None,
    *,
    setters: Iterable[Path] = SETTERS,
    wall: Callable[[], float] = time.time,
) -> bool:
    """Return whether the wall clock is right as far as anybody here can know.

    It is when the kernel was told so. Where it was not, but nothing on this host will ever set it (a
    virtual machine has its host's time), it is as right as it will be.
    """
    status = (read_status or read_clock_status)()
    if status < 0 or not status & STA_UNSYNC:
        return True
    return wall() > _NOT_BEFORE and not any(path.exists() for path in setters)


class RecentTrust:
    """Whether the wall clock is right, found out again after a second, and at once when it was set; for any thread."""

    def __init__(
        self,
        find_out: Callable[[], bool] = is_trusted,
        wall: Callable[[], float] = time.time,
        boottime: Callable[[], float] = boottime,
    ) -> None:
        self._find_out = find_out
        self._wall = wall
        self._boottime = boottime
        self._found = (False, float("-inf"), 0.0)
        """What was found, when by the time since the boot, and when that boot was by the wall clock."""

    def __call__(self) -> bool:
        """Return it."""
        now = self._boottime()
        start = self._wall() - now
        found, asked, started = self._found
        if now - asked >= _RECENT_SECONDS or abs(start - started) > _SET_BY_SECONDS:
            found = self._find_out()
            self._found = (found, now, start)
        return found


def read_clock_status() -> int:
    """Return the status bits of adjtimex(2), or -1 where the kernel does not tell."""
    buffer = ctypes.create_string_buffer(_SIZEOF_TIMEX * 2)  # modes = 0: only read
    if _libc().adjtimex(buffer) < 0:
        return -1
    start = _OFFSETOF_STATUS[ctypes.sizeof(ctypes.c_long)]
    return ctypes.c_int.from_buffer(buffer, start).value


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
