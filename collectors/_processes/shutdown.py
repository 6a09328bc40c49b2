"""Whether this host is going down, so that the ends of a shutdown are no news."""

import os
import struct
from pathlib import Path

from collectors._dbus import Bus, BusError, Call, find_address

_TYPE_AND_PID = struct.Struct("=hxxi")
_SMALL_BYTES, _LARGE_BYTES = (
    384,
    400,
)  # struct utmp of glibc, utmp(5): where 32-bit programs share it, and where not
_SMALL_MACHINES = ("x86", "i386", "i486", "i586", "i686", "ppc", "sparc", "mips", "arm")
_RUN_LEVEL = 1
_GOING_DOWN = {"0", "6"}


def is_going_down(root: Path = Path("/")) -> bool:
    """Ask systemd, or where there is none read the run level that sysvinit wrote."""
    if not (root / "run/systemd/system").is_dir():
        return parse_run_level(_read(root / "run/utmp")) in _GOING_DOWN
    try:
        with Bus(find_address("system")) as bus:
            [(_, state)] = bus.call(
                Call(
                    "org.freedesktop.systemd1",
                    "/org/freedesktop/systemd1",
                    "org.freedesktop.DBus.Properties",
                    "Get",
                    "ss",
                    ("org.freedesktop.systemd1.Manager", "SystemState"),
                ),
                timeout_seconds=2,
            )
    except BusError:
        return False
    return bool(state == "stopping")


def parse_run_level(utmp: bytes, machine: str = os.uname().machine) -> str:
    """Return the current run level, the low byte of the pid field of its record; "" without one."""
    size = _SMALL_BYTES if machine.startswith(_SMALL_MACHINES) else _LARGE_BYTES
    level = ""
    for start in range(0, len(utmp) - size + 1, size):
        type_, pid = _TYPE_AND_PID.unpack_from(utmp, start)
        if type_ == _RUN_LEVEL and pid & 0xFF:
            level = chr(pid & 0xFF)
    return level


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
