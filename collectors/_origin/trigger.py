"""What started the run of a unit: the timer, where systemd says that it was one.

Asked only of a unit that has a timer at all, which its files say; and then on the bus, once for each question. A systemd that
does not say it (before 252), or does not answer, leaves it unknown.
"""

import os
from collections.abc import Iterator
from pathlib import Path

_DIRECTORIES = (
    "etc/systemd/system",
    "run/systemd/system",
    "run/systemd/transient",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)
_TIMER_BYTES = 65_536
_ASK_SECONDS = 1.0
_NAME = "org.freedesktop.systemd1"


def read_trigger(unit: str, root: Path) -> str | None:
    """Return the timer that started a service; "" where none did, None where it is not known."""
    if unit not in units_of_timers(root):
        return ""
    details = _ask(unit)
    trigger = None if details is None else details.get("trigger_unit", "")
    return trigger if trigger is None or trigger.endswith(".timer") else ""


def units_of_timers(root: Path) -> frozenset[str]:
    """Return the services that some timer of the host may start."""
    return frozenset(unit for file in _timers(root) for unit in _started_by(file))


def _timers(root: Path) -> Iterator[Path]:
    for directory in _DIRECTORIES:
        yield from (root / directory).glob("*.timer")


def _started_by(timer: Path) -> Iterator[str]:
    yield f"{timer.name.removesuffix('.timer')}.service"
    try:
        with timer.open("rb") as file:
            text = file.read(_TIMER_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "Unit":
            yield value.strip()


def _ask(unit: str) -> dict[str, str] | None:
    """Return what systemd says of what led to the last run of a unit that it knows; None where it does not."""
    from collectors._dbus import Bus, BusError, Call, find_address

    try:
        with Bus(find_address("system", os.environ)) as bus:
            get_unit = Call(_NAME, "/org/freedesktop/systemd1", f"{_NAME}.Manager", "GetUnit", "s", (unit,))
            [path] = bus.call(get_unit, timeout_seconds=_ASK_SECONDS)
            wanted = (f"{_NAME}.Unit", "ActivationDetails")
            get = Call(_NAME, path, "org.freedesktop.DBus.Properties", "Get", "ss", wanted)
            [(_, details)] = bus.call(get, timeout_seconds=_ASK_SECONDS)
        return {str(key): str(value) for key, value in details}
    except (BusError, OSError, TypeError, ValueError):
        return None
