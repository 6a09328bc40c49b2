"""systemd's manager as this collector reads it: questions by call, news by signal. No decision is made here.

Values are taken from the signals' bodies. A property is read only of units that the manager lists or
has just spoken of, never because of a UnitNew: reading loads a unit, which tells a UnitNew again.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from collectors._dbus import BUS, BUS_PATH, Bus, Call, CallFailed, Reply, Signal
from collectors._portable import escaped
from collectors._services.command_exits import parse_exits
from collectors._services.manager_events import (
    JobBegun,
    JobEnded,
    Kind,
    Listed,
    News,
    Odd,
    Renewed,
    StartupFinished,
    Unloaded,
    parse_kind,
)
from collectors._services.unit_state import (
    SERVICE_INTERFACE,
    SERVICE_PROPERTIES,
    UNIT_INTERFACE,
    UNIT_PROPERTIES,
    OddReply,
    Phase,
    UnitState,
    is_unit_name,
    parse_invocation,
    parse_look,
    parse_unit_path,
    parse_values,
    unit_path,
)
from collectors.collector import CollectorError

T = TypeVar("T")

NAME = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = "org.freedesktop.systemd1.Manager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_SOCKET_INTERFACE = "org.freedesktop.systemd1.Socket"
_SERVICES = "*.service"
_THERE = Listed(Phase.COMING, has_job=True)
_CONTROL_COMMANDS = (
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
)
_RELATIONS = ("WantedBy", "RequiredBy", "RequisiteOf", "BoundBy", "UpheldBy", "Requires", "BindsTo", "PartOf")
"""Whose start brings a unit along, and whose stop or restart takes it along: systemd.unit(5)."""
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
        self._odd_units: list[Odd] = []

    def listen(self) -> None:
        """Have the bus pass on the manager's signals; once a connection."""
        for member in ("JobNew", "JobRemoved", "UnitRemoved", "Reloading", "StartupFinished"):
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
            try:
                news = self._parse(signal)
            except Exception as error:  # noqa: BLE001 - whatever a signal makes Python do, it is its unit's trouble
                unit = parse_unit_path(signal.path)
                news = Odd(escaped(unit), error) if unit else None
            if news is not None:
                found.append(news)
            signal = self._bus.next_signal(0)
        return found

    def _parse(self, signal: Signal) -> News | None:
        match signal.member:
            case "PropertiesChanged":
                return self._parse_change(signal)
            case "JobNew":
                number, _, unit = signal.body
                return JobBegun(str(unit), int(number))
            case "JobRemoved":
                number, _, unit, result = signal.body
                return JobEnded(str(unit), int(number), str(result))
            case "UnitRemoved":
                unit = str(signal.body[0])
                self._service_values.pop(unit, None)
                return Unloaded(unit)
            case "Reloading" if not signal.body[0]:
                return Renewed()
            case "NameOwnerChanged" if signal.sender == BUS and signal.body[2]:
                return Renewed()
            case "StartupFinished":
                return StartupFinished()
        return None

    def _parse_change(self, signal: Signal) -> UnitState | None:
        """Hold a service's own values until the unit's values follow in a signal of their own."""
        unit = parse_unit_path(signal.path)
        if not unit:
            return None
        if not is_unit_name(unit):
            raise OddReply("its name is none that systemd takes")
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

    def finished_monotonic(self) -> int:
        """Return when the boot was over, in microseconds of CLOCK_MONOTONIC; 0 while the manager says that it goes on."""
        return int(self._manager_property("FinishTimestampMonotonic"))

    def startup_monotonic(self) -> float:
        """Return when user space started, in seconds of CLOCK_MONOTONIC."""
        return float(self._manager_property("UserspaceTimestampMonotonic")) / 1_000_000

    def is_stopping(self) -> bool:
        """Return whether the host, or the user's session, is going down."""
        return bool(self._manager_property("SystemState") == "stopping")

    def list_services(self) -> dict[str, Listed]:
        """Return every loaded service."""
        [units] = self._call("ListUnitsByPatterns", "asas", ([], [_SERVICES]))
        sane = self._each([row[0] for row in units], self._is_sane)
        rows = {row[0]: row for row in units if sane.get(row[0])}
        # One whose line makes no sense is there all the same: what it is shows when it is looked at by itself.
        return dict.fromkeys(rows, _THERE) | self._each(rows, lambda unit: _listed(*rows[unit]))

    def invocations(self, units: Sequence[str]) -> dict[str, str]:
        """Return each unit's InvocationID; "" for one that has not run."""
        answers = self._read(units, UNIT_INTERFACE, ("InvocationID",))
        return self._each(units, lambda unit: parse_invocation(answers[unit]))

    def looks(self, units: Sequence[str]) -> dict[str, UnitState]:
        """Look at units that the manager listed; one of which it says odd things is left out (`take_odd`)."""
        of_unit = self._read(units, UNIT_INTERFACE, UNIT_PROPERTIES)
        of_service = self._read(units, SERVICE_INTERFACE, SERVICE_PROPERTIES)
        return self._each(units, lambda unit: parse_look(unit, of_unit[unit], of_service[unit]))

    def take_odd(self) -> list[Odd]:
        """Return, once, of which units odd things were said."""
        odd, self._odd_units = self._odd_units, []
        return odd

    def _each(self, units: Iterable[str], read: Callable[[str], T]) -> dict[str, T]:
        """Return what is read of each unit, without those that cannot be."""
        found = {}
        for unit in units:
            try:
                found[unit] = read(unit)
            except Exception as error:  # noqa: BLE001 - whatever its values make Python do, it is this unit's trouble
                self._odd_units.append(Odd(unit, error))
        return found

    def _is_sane(self, name: str) -> bool:
        if is_unit_name(name):
            return True
        self._odd_units.append(Odd(escaped(name), "its name is none that systemd takes"))
        return False

    def control_exit(self, look: UnitState, code: int) -> int | None:
        """Return the status of the last command beside the main process that went wrong with this code of waitid(2).

        A start that fails in ExecStartPre=, or in the ExecStart= of a service that forks, has no main
        process to ask about; one that fails in ExecStartPost=, and a stop in ExecStop=, has one that ended well.
        """
        unit, since, main = look.unit, look.left_inactive_monotonic, look.exec_pid
        values = self._read([unit], SERVICE_INTERFACE, _CONTROL_COMMANDS)
        exits = self._each(values, lambda unit: parse_exits(values[unit].values(), since, main)).get(unit, [])
        statuses = [status for _, how, status in sorted(exits) if how == code]
        return statuses[-1] if statuses else None

    def kinds(self, units: Sequence[str]) -> dict[str, Kind]:
        """Return what each unit is for, as far as it can still be asked."""
        services = self._read(units, SERVICE_INTERFACE, ("Type", "BusName"))
        activatable = (
            self._activatable() if any(values.get("BusName") for values in services.values()) else ()
        )
        relations = self._read(units, UNIT_INTERFACE, ("TriggeredBy", "WantedBy", "RequiredBy"))
        sockets = {unit: f"{unit.partition('@')[0]}.socket" for unit in units if "@" in unit}
        accept = self._read(set(sockets.values()), _SOCKET_INTERFACE, ("Accept",))
        return dict.fromkeys(units, Kind()) | self._each(
            units,
            lambda unit: parse_kind(
                unit,
                services[unit],
                relations[unit],
                by_dbus=services[unit].get("BusName") in activatable,
                for_connection=unit in sockets and accept[sockets[unit]].get("Accept", False),
            ),
        )

    def related(self, unit: str) -> frozenset[str]:
        """Return the units whose jobs may bring one of this unit along."""
        values = self._read([unit], UNIT_INTERFACE, _RELATIONS)[unit]
        return frozenset(name for names in values.values() for name in names)

    def _activatable(self) -> Sequence[str]:
        """Return the names that the bus starts a service for when somebody asks for them."""
        try:
            [names] = self._bus.call(Call(BUS, BUS_PATH, BUS, "ListActivatableNames"))
        except CallFailed:
            return ()
        return names or ()

    def _read(self, units: Iterable[str], interface: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        paths = self._each(units, unit_path)
        wanted = [(unit, name) for unit in paths for name in names]
        calls = [
            Call(NAME, paths[unit], _PROPERTIES, "Get", "ss", (interface, name)) for unit, name in wanted
        ]
        values: dict[str, dict[str, Any]] = {unit: {} for unit, _ in wanted}
        answers = self._bus.calls(calls, timeout_seconds=_ANSWER_SECONDS)
        for (unit, name), answer in zip(wanted, answers, strict=True):
            match answer:
                case CallFailed() if answer.name in _AWAY:
                    raise ManagerAway(str(answer))
                case [[str(), value]]:
                    values[unit][name] = value
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


def _listed(*row: Any) -> Listed:
    """Return a line of ListUnits: name, description, load, active and sub state, follower, path, job, its type and path."""
    unit, _, load, active, sub, _, _, job, _, _ = row
    phase = UnitState(unit=unit, state=active, sub_state=sub).phase
    return Listed(phase, bool(job), is_there=load != "not-found" or active != "inactive")
