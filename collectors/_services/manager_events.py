"""What the manager tells: the values that `systemd` reads and `watch` acts upon."""

from typing import Any

import msgspec

from collectors._services.unit_state import Phase, UnitState


class Listed(msgspec.Struct, frozen=True):
    """One line of the manager's list of units."""

    phase: Phase
    has_job: bool
    is_there: bool = True
    """False for what only other units name: it has no unit file, and does not run."""


class Kind(msgspec.Struct, frozen=True):
    """What a unit is for: `quiet` ones are told only when they fail."""

    quiet: bool = False
    on_demand: bool = False


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


class JobBegun(msgspec.Struct, frozen=True):
    """A job was queued; those of one transaction have higher numbers than the one that was asked for."""

    unit: str
    number: int


class JobEnded(msgspec.Struct, frozen=True):
    """A start or stop job is over; `result` is the manager's word for how."""

    unit: str
    number: int
    result: str


class Unloaded(msgspec.Struct, frozen=True):
    """The manager has forgotten a unit."""

    unit: str


class Renewed(msgspec.Struct, frozen=True):
    """The manager read its units again or is a new process: subscribe again and compare everything."""


class StartupFinished(msgspec.Struct, frozen=True):
    """The boot is over."""


class Odd(msgspec.Struct, frozen=True):
    """What was said of a unit makes no sense, and why."""

    unit: str
    why: Exception | str


News = UnitState | JobBegun | JobEnded | Odd | Unloaded | Renewed | StartupFinished
