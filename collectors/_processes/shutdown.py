"""Whether this host is going down, so that the ends of a shutdown are no news."""

from pathlib import Path

from collectors._dbus import Bus, BusError, Call, find_address
from collectors._regular import content_of
from collectors._utmp import parse_run_level

_GOING_DOWN = {"0", "6"}


def is_going_down(root: Path = Path("/")) -> bool:
    """Ask systemd, or where there is none read the run level that sysvinit wrote."""
    if not (root / "run/systemd/system").is_dir():
        return parse_run_level(content_of(root / "run/utmp")) in _GOING_DOWN
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
