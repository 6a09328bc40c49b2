"""systemd's manager as this collector reads it: questions by call, news by signal. No decision is made here.

Values are taken from the signals' bodies. A property is read only of units that the manager lists or
has just spoken of, never because of a UnitNew: reading loads a unit, which tells a UnitNew again.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from collectors._dbus import BUS, Bus, Call, CallFailed, Reply, Signal
from collectors._services.look import (
    SERVICE_INTERFACE,
    SERVICE_PROPERTIES,
    UNIT_INTERFACE,
    UNIT_PROPERTIES,
    Look,
    parse_look,
    parse_unit_path,
    parse_values,
    unit_path,
)
from collectors._services.news import JobEnded, Kind, Listed, News, Renewed, StartupFinished, Unloaded
from collectors.collector import CollectorError

NAME = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = "org.freedesktop.systemd1.Manager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_SOCKET_INTERFACE = "org.freedesktop.systemd1.Socket"
_SERVICES = "*.service"
_CONTROL_COMMANDS = (
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
)
_ANSWER_SECONDS = 60.0
_AWAY = {
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.Disconnected",
}


class ManagerAway(CollectorError):  # noqa: N818 - a state of the host
    """The manager is not on the bus, or does not answer: it is replacing itself, or the bus is new."""


class Manager:
    """One systemd manager, of the system or of a user."""

    def __init__(self, bus: Bus, boot_id_file: Path = Path("/proc/sys/kernel/random/boot_id")) -> None:
        self._bus = bus
        self._boot_id_file = boot_id_file
        self._service_values: dict[str, dict[str, Any]] = {}

    def listen(self) -> None:
        """Have the bus pass on the manager's signals; once a connection."""
        for member in ("JobRemoved", "UnitRemoved", "Reloading", "StartupFinished"):
            self._bus.match(NAME, path=_PATH, interface=_MANAGER, member=member)
        for interface in (SERVICE_INTERFACE, UNIT_INTERFACE):
            self._bus.match(
                NAME,
                interface=_PROPERTIES,
                member="PropertiesChanged",
                path_namespace=f"{_PATH}/unit",
                arg0=interface,
            )

    def subscribe(self) -> None:
        """Ask the manager for signals, again whenever it was renewed; that it sends them already is fine."""
        try:
            self._call("Subscribe")
        except CallFailed as error:
            if error.name != "org.freedesktop.systemd1.AlreadySubscribed":
                raise

    def news(self, timeout_seconds: float | None) -> list[News]:
        """Wait for a signal, then return the news of all that have arrived, oldest first."""
        found: list[News] = []
        signal = self._bus.next_signal(timeout_seconds)
        while signal is not None:
            news = self._parse(signal)
            if news is not None:
                found.append(news)
            signal = self._bus.next_signal(0)
        return found

    def _parse(self, signal: Signal) -> News | None:
        match signal.member:
            case "PropertiesChanged":
                return self._parse_change(signal)
            case "JobRemoved":
                number, _, unit, result = signal.body
                return JobEnded(unit, number, result)
            case "UnitRemoved":
                self._service_values.pop(signal.body[0], None)
                return Unloaded(signal.body[0])
            case "Reloading" if not signal.body[0]:
                return Renewed()
            case "NameOwnerChanged" if signal.sender == BUS and signal.body[2]:
                return Renewed()
            case "StartupFinished":
                return StartupFinished()
        return None

    def _parse_change(self, signal: Signal) -> Look | None:
        """Hold a service's own values until the unit's values follow in a signal of their own."""
        unit = parse_unit_path(signal.path)
        if not unit:
            return None
        values = parse_values(signal.body[1])
        if signal.body[0] == SERVICE_INTERFACE:
            self._service_values[unit] = values
            return None
        return parse_look(unit, values, self._service_values.pop(unit, {}))

    def mark(self) -> str:
        """Return what names this run of the manager: the boot, and within it the start of user space.

        The boot id alone is not enough: containers share the host's, and a soft-reboot keeps it.
        """
        started = self._manager_property("UserspaceTimestampMonotonic")
        return f"{self._boot_id_file.read_text().strip()}:{started}"

    def is_started(self) -> bool:
        """Return whether the boot is over, as far as the manager says."""
        return bool(self._manager_property("FinishTimestampMonotonic"))

    def startup_monotonic(self) -> float:
        """Return when user space started, in seconds of CLOCK_MONOTONIC."""
        return float(self._manager_property("UserspaceTimestampMonotonic")) / 1_000_000

    def is_stopping(self) -> bool:
        """Return whether the host, or the user's session, is going down."""
        return bool(self._manager_property("SystemState") == "stopping")

    def list_services(self) -> dict[str, Listed]:
        """Return every loaded service."""
        [units] = self._call("ListUnitsByPatterns", "asas", ([], [_SERVICES]))
        return {
            name: Listed(Look(unit=name, state=active, sub_state=sub).phase, bool(job))
            for name, _, _, active, sub, _, _, job, _, _ in units
        }

    def invocations(self, units: Sequence[str]) -> dict[str, str]:
        """Return each unit's InvocationID; "" for one that has not run."""
        answers = self._read(units, UNIT_INTERFACE, ("InvocationID",))
        return {unit: bytes(values.get("InvocationID", b"")).hex() for unit, values in answers.items()}

    def looks(self, units: Sequence[str]) -> dict[str, Look]:
        """Look at units that the manager listed."""
        of_unit = self._read(units, UNIT_INTERFACE, UNIT_PROPERTIES)
        of_service = self._read(units, SERVICE_INTERFACE, SERVICE_PROPERTIES)
        return {unit: parse_look(unit, of_unit[unit], of_service[unit]) for unit in units}

    def control_exit(self, unit: str, since_monotonic: int) -> tuple[int, int] | None:
        """Return how the last command beside the main process went wrong, as waitid's code and status.

        A start that fails in ExecStartPre=, or in the ExecStart= of a service that forks, has no main
        process to ask about.
        """
        values = self._read([unit], SERVICE_INTERFACE, _CONTROL_COMMANDS).get(unit, {})
        exits = [
            (ended, code, status)
            for commands in values.values()
            for _, _, may_fail, *_, ended, _, code, status in commands
            if code and status and not may_fail and ended >= since_monotonic
        ]
        return max(exits)[1:] if exits else None

    def kinds(self, units: Sequence[str]) -> dict[str, Kind]:
        """Return what each unit is for, as far as it can still be asked."""
        types = self._read(units, SERVICE_INTERFACE, ("Type",))
        relations = self._read(units, UNIT_INTERFACE, ("TriggeredBy", "WantedBy", "RequiredBy"))
        sockets = {unit: f"{unit.partition('@')[0]}.socket" for unit in units if "@" in unit}
        accept = self._read(set(sockets.values()), _SOCKET_INTERFACE, ("Accept",))
        return {
            unit: _kind(
                unit,
                types[unit],
                relations[unit],
                for_connection=unit in sockets and accept[sockets[unit]].get("Accept", False),
            )
            for unit in units
        }

    def _read(self, units: Iterable[str], interface: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        wanted = [(unit, name) for unit in units for name in names]
        calls = [
            Call(NAME, unit_path(unit), _PROPERTIES, "Get", "ss", (interface, name)) for unit, name in wanted
        ]
        values: dict[str, dict[str, Any]] = {unit: {} for unit, _ in wanted}
        answers = self._bus.calls(calls, timeout_seconds=_ANSWER_SECONDS)
        for (unit, name), answer in zip(wanted, answers, strict=True):
            if not isinstance(answer, CallFailed):
                values[unit][name] = answer[0][1]
            elif answer.name in _AWAY:
                raise ManagerAway(str(answer))
        return values

    def _manager_property(self, name: str) -> Any:
        [(_, value)] = self._call("Get", "ss", (_MANAGER, name), interface=_PROPERTIES)
        return value

    def _call(
        self, method: str, signature: str = "", body: tuple[Any, ...] = (), *, interface: str = _MANAGER
    ) -> Reply:
        call = Call(NAME, _PATH, interface, method, signature, body)
        try:
            return self._bus.call(call, timeout_seconds=_ANSWER_SECONDS)
        except CallFailed as error:
            if error.name in _AWAY:
                raise ManagerAway(str(error)) from error
            raise


def _kind(unit: str, of_service: dict[str, Any], of_unit: dict[str, Any], *, for_connection: bool) -> Kind:
    """Judge a unit by its type and by what starts it.

    Quiet: oneshots, what a timer starts, what D-Bus starts for a moment (it is wanted by no target), and
    the instance that a socket starts for each connection. Such an instance may be forgotten before it can
    be asked what triggered it, so its socket is asked, which has the template's name: systemd.socket(5), Accept=.
    """
    triggers = of_unit.get("TriggeredBy", ())
    wanted = any(
        name.endswith(".target") for key in ("WantedBy", "RequiredBy") for name in of_unit.get(key, ())
    )
    type_ = of_service.get("Type", "")
    quiet = (
        type_ == "oneshot"
        or any(name.endswith(".timer") for name in triggers)
        or (type_ == "dbus" and not wanted)
        or for_connection
        or ("@" in unit and any(name.endswith(".socket") for name in triggers))
    )
    return Kind(quiet=quiet, on_demand=bool(triggers) and not wanted)
