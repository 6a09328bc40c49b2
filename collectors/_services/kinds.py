"""What a unit is for, and how its commands ended, from properties as systemd gives them. Pure."""

from collections.abc import Iterable
from typing import Any

from collectors._services.manager_events import Kind


def parse_exits(
    commands_of_each: Iterable[Any], since_monotonic: int, main_pid: int
) -> list[tuple[int, int, int]]:
    """Return when each command since a moment went wrong, and waitid's code and status of it.

    Those that may fail are left out, and the main process, which is one of them.
    """
    return [
        (ended, code, status)
        for commands in commands_of_each
        for _, _, may_fail, *_, ended, pid, code, status in commands
        if code and status and not may_fail and pid != main_pid and ended >= since_monotonic
    ]


def parse_kind(
    unit: str, of_service: dict[str, Any], of_unit: dict[str, Any], *, by_dbus: bool, for_connection: bool
) -> Kind:
    """Judge a unit by what it is and by what starts it.

    Quiet: oneshots, what a timer starts, what D-Bus starts for a moment (the bus knows its name as one to start, and no
    target wants it, whatever its Type=), and the instance that a socket starts for each connection. Such an instance may be
    forgotten before it can be asked what triggered it, so its socket is asked, which has the template's name:
    systemd.socket(5), Accept=.
    """
    triggers = of_unit.get("TriggeredBy", ())
    wanted = any(
        name.endswith(".target") for key in ("WantedBy", "RequiredBy") for name in of_unit.get(key, ())
    )
    quiet = (
        of_service.get("Type") == "oneshot"
        or any(name.endswith(".timer") for name in triggers)
        or (by_dbus and not wanted)
        or for_connection
        or ("@" in unit and any(name.endswith(".socket") for name in triggers))
    )
    return Kind(quiet=quiet, on_demand=bool(triggers) and not wanted)
