"""What systemd says about one service at one moment.

Pure: signal bodies and property values in, one `UnitState` out. A UnitState is a statement about one
invocation (one run of a unit, named by its InvocationID), never about a unit as such.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

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
    "ActivationDetails",
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
_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]+")
_NAME_LENGTH = 256
_LAST_MICROSECOND = (
    100_000_000_000 * 1_000_000
)  # the year 5138; also the most of anything else that is counted here
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


class UnitState(msgspec.Struct, frozen=True, kw_only=True):
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
    trigger: str = ""
    """The unit that started this run, as `backup.timer`; systemd 252 and later say it."""

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


class OddReply(ValueError):  # noqa: N818 - what was heard
    """systemd, or somebody in its name, says something of a unit that no systemd says; the text names it."""


def parse_look(
    unit: str, unit_properties: Mapping[str, Any], service_properties: Mapping[str, Any]
) -> UnitState:
    """Return the UnitState from the values of `UNIT_PROPERTIES` and `SERVICE_PROPERTIES`, any of which may lack.

    Raises `OddReply` where one is not of its type.
    """
    of_unit, of_service = unit_properties, service_properties
    return UnitState(
        unit=unit,
        state=_text(of_unit, "ActiveState", "inactive"),
        sub_state=_text(of_unit, "SubState", "dead"),
        invocation=parse_invocation(of_unit),
        job=_job(of_unit),
        changed=_number(of_unit, "StateChangeTimestamp"),
        changed_monotonic=_number(of_unit, "StateChangeTimestampMonotonic"),
        left_inactive_monotonic=_number(of_unit, "InactiveExitTimestampMonotonic"),
        activated=_number(of_unit, "ActiveEnterTimestamp"),
        activated_monotonic=_number(of_unit, "ActiveEnterTimestampMonotonic"),
        deactivated=_number(of_unit, "InactiveEnterTimestamp"),
        main_pid=_number(of_service, "MainPID"),
        result=_text(of_service, "Result", "success"),
        reload_result=_text(of_service, "ReloadResult", "success"),
        restarts=_number(of_service, "NRestarts"),
        exec_pid=_number(of_service, "ExecMainPID"),
        exec_code=_number(of_service, "ExecMainCode"),
        exec_status=_number(of_service, "ExecMainStatus"),
        executed_monotonic=_number(of_service, "ExecMainStartTimestampMonotonic"),
        trigger=_trigger(of_unit),
    )


def parse_invocation(unit_properties: Mapping[str, Any]) -> str:
    """Return the InvocationID as systemd writes it for people; "" for a unit that has not run."""
    match unit_properties.get("InvocationID", b""):
        case bytes(octets):
            return octets.hex()
        case [*octets] if all(isinstance(octet, int) and 0 <= octet < 256 for octet in octets):  # noqa: PLR2004 - a byte
            return bytes(octets).hex()
        case odd:
            raise OddReply(f"InvocationID is {odd!r:.100}")


def _number(values: Mapping[str, Any], name: str) -> int:
    match values.get(name, 0):
        case int(number) if 0 <= number <= _LAST_MICROSECOND:
            return number
        case odd:
            raise OddReply(f"{name} is {odd!r:.100}")


def _text(values: Mapping[str, Any], name: str, default: str) -> str:
    match values.get(name, default):
        case str(text):
            return text
        case odd:
            raise OddReply(f"{name} is {odd!r:.100}")


def _job(values: Mapping[str, Any]) -> int:
    match values.get("Job", (0, "")):
        case [int(number), *_]:
            return number
        case odd:
            raise OddReply(f"Job is {odd!r:.100}")


def _trigger(values: Mapping[str, Any]) -> str:
    """Return the unit that triggered a run: of the pairs that tell what led to it, the one that is so called."""
    match values.get("ActivationDetails", ()):
        case [*pairs] if all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):  # noqa: PLR2004 - a pair
            name = dict(pairs).get("trigger_unit", "")
            return name if isinstance(name, str) and is_unit_name(name) else ""
        case odd:
            raise OddReply(f"ActivationDetails is {odd!r:.100}")


def parse_values(changed: Any) -> dict[str, Any]:
    """Return the values of a PropertiesChanged body's variants, by name."""
    if not isinstance(changed, Mapping):
        raise OddReply(f"PropertiesChanged is {changed!r:.100}")
    return {name: one[1] for name, one in changed.items() if isinstance(one, tuple) and len(one) == 2}  # noqa: PLR2004 - a signature and what it describes


def parse_unit_path(path: str) -> str:
    """Return the unit's name, or "" when the object is no service; `is_unit_name` says whether it can be one."""
    if not path.startswith(_UNIT_PATH) or not path.endswith("_2eservice"):
        return ""
    escaped = path.removeprefix(_UNIT_PATH).encode("utf-8", "surrogateescape")
    name = re.sub(rb"_([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), escaped)
    return name.decode("utf-8", "surrogateescape")


def is_unit_name(name: str) -> bool:
    """Return whether systemd takes a name as a unit's, see systemd.unit(5): then it needs no escape anywhere."""
    return len(name) < _NAME_LENGTH and _NAME.fullmatch(name) is not None


def unit_path(unit: str) -> str:
    """Return the object path of a unit, as systemd escapes it."""
    escaped = "".join(
        chr(byte)
        if chr(byte).isascii() and chr(byte).isalnum() and (index or not chr(byte).isdigit())
        else f"_{byte:02x}"
        for index, byte in enumerate(unit.encode("utf-8", "surrogateescape"))
    )
    return _UNIT_PATH + escaped
