"""What a unit is for, from properties as systemd gives them. Pure."""

from typing import Any

from collectors._services.manager_events import Kind


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
