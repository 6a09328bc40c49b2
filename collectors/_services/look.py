"""What systemd says about one service at one moment.

Pure: signal bodies and property values in, one `Look` out. A Look is a statement about one
invocation (one run of a unit, named by its InvocationID), never about a unit as such.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SERVICE_INTERFACE = "org.freedesktop.systemd1.Service"
UNIT_INTERFACE = "org.freedesktop.systemd1.Unit"

UNIT_PROPERTIES = (
    "ActiveState",
    "SubState",
    "InvocationID",
    "Job",
    "StateChangeTimestamp",
    "StateChangeTimestampMonotonic",
    "InactiveExitTimestampMonotonic",
    "ActiveEnterTimestamp",
    "ActiveEnterTimestampMonotonic",
    "InactiveEnterTimestamp",
)
SERVICE_PROPERTIES = (
    "MainPID",
    "Result",
    "ReloadResult",
    "NRestarts",
    "ExecMainPID",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecMainStartTimestampMonotonic",
)

_UNIT_PATH = "/org/freedesktop/systemd1/unit/"
_RESTARTING = "auto-restart"
"""In the name of every state on the way from an end to the next start: `auto-restart`, `auto-restart-queued`,
`failed-before-auto-restart`, `dead-before-auto-restart`. Which of them are passed depends on RestartMode= and the version."""


class Phase(StrEnum):
    """Where an invocation is on its way; the words are those of the memory, keep them."""

    COMING = "coming"
    UP = "up"
    LEAVING = "leaving"
    RESTARTING = "restarting"
    """It ended, and systemd is going to start another one by itself."""
    FAILED = "failed"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One service at one moment; times in microseconds, `_monotonic` ones of CLOCK_MONOTONIC."""

    unit: str
    state: str = "inactive"
    sub_state: str = "dead"
    invocation: str = ""
    job: int = 0
    changed: int = 0
    changed_monotonic: int = 0
    left_inactive_monotonic: int = 0
    activated: int = 0
    activated_monotonic: int = 0
    deactivated: int = 0
    main_pid: int = 0
    result: str = "success"
    reload_result: str = "success"
    restarts: int = 0
    exec_pid: int = 0
    exec_code: int = 0
    exec_status: int = 0
    executed_monotonic: int = 0

    @property
    def phase(self) -> Phase:
        """Return the phase that the states stand for."""
        if _RESTARTING in self.sub_state:
            return Phase.RESTARTING
        match self.state:
            case "activating":
                return Phase.COMING
            case "deactivating":
                return Phase.LEAVING
            case "failed":
                return Phase.FAILED
            case "inactive":
                return Phase.DOWN
            case _:  # active, reloading, refreshing
                return Phase.UP

    @property
    def latest_monotonic(self) -> int:
        """Return the latest moment that the look shows; a unit that was loaded again has changed at 0."""
        return max(self.changed_monotonic, self.executed_monotonic)

    def was_active_since(self, began_monotonic: int) -> bool:
        """Return whether this invocation, which began after that moment (0: unknown), got as far as active.

        A restart may leave the time of leaving inactive alone (RestartMode=direct) or move it on, a MAINPID=
        notification moves the time of the main process on; an activation is this invocation's if it followed either.
        """
        activated = self.activated_monotonic
        return activated > began_monotonic and (
            activated >= self.left_inactive_monotonic or 0 < self.executed_monotonic <= activated
        )

    def ended_at(self, began_monotonic: int) -> int:
        """Return when this invocation, which began after that moment, ended: microseconds since the epoch.

        A restart that never passes `inactive` leaves the time of an earlier end there.
        """
        offset = self.changed - self.changed_monotonic
        return self.deactivated if self.deactivated - offset > began_monotonic else self.changed

    @property
    def went_wrong(self) -> bool:
        """Return whether systemd calls the end of this invocation a failure."""
        return self.result not in {"success", "exec-condition"}

    @property
    def shows_an_end(self) -> bool:
        """Return whether the invocation has a result, or its main process a status; a start clears both."""
        return self.result != "success" or self.exec_code != 0


def parse_look(unit: str, unit_properties: Mapping[str, Any], service_properties: Mapping[str, Any]) -> Look:
    """Return the Look from the values of `UNIT_PROPERTIES` and `SERVICE_PROPERTIES`, any of which may lack."""
    of_unit, of_service = unit_properties, service_properties
    return Look(
        unit=unit,
        state=of_unit.get("ActiveState", "inactive"),
        sub_state=of_unit.get("SubState", "dead"),
        invocation=bytes(of_unit.get("InvocationID", b"")).hex(),
        job=of_unit.get("Job", (0, ""))[0],
        changed=of_unit.get("StateChangeTimestamp", 0),
        changed_monotonic=of_unit.get("StateChangeTimestampMonotonic", 0),
        left_inactive_monotonic=of_unit.get("InactiveExitTimestampMonotonic", 0),
        activated=of_unit.get("ActiveEnterTimestamp", 0),
        activated_monotonic=of_unit.get("ActiveEnterTimestampMonotonic", 0),
        deactivated=of_unit.get("InactiveEnterTimestamp", 0),
        main_pid=of_service.get("MainPID", 0),
        result=of_service.get("Result", "success"),
        reload_result=of_service.get("ReloadResult", "success"),
        restarts=of_service.get("NRestarts", 0),
        exec_pid=of_service.get("ExecMainPID", 0),
        exec_code=of_service.get("ExecMainCode", 0),
        exec_status=of_service.get("ExecMainStatus", 0),
        executed_monotonic=of_service.get("ExecMainStartTimestampMonotonic", 0),
    )


def parse_values(changed: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    """Return the values of a PropertiesChanged body's variants, by name."""
    return {name: value for name, (_, value) in changed.items()}


def parse_unit_path(path: str) -> str:
    """Return the unit's name, or "" when the object is no service."""
    if not path.startswith(_UNIT_PATH) or not path.endswith("_2eservice"):
        return ""
    escaped = path.removeprefix(_UNIT_PATH).encode()
    return re.sub(rb"_([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), escaped).decode()


def unit_path(unit: str) -> str:
    """Return the object path of a unit, as systemd escapes it."""
    escaped = "".join(
        chr(byte)
        if chr(byte).isascii() and chr(byte).isalnum() and (index or not chr(byte).isdigit())
        else f"_{byte:02x}"
        for index, byte in enumerate(unit.encode())
    )
    return _UNIT_PATH + escaped
