"""What the manager tells: the values that `systemd` reads and `watch` acts upon."""

from dataclasses import dataclass

from collectors._services.unit_state import Phase, UnitState


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the manager's list of units."""

    phase: Phase
    has_job: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """What a unit is for: `quiet` ones are told only when they fail."""

    quiet: bool = False
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A start or stop job is over; `result` is the manager's word for how."""

    unit: str
    number: int
    result: str


@dataclass(frozen=True, slots=True)
class Unloaded:
    """The manager has forgotten a unit."""

    unit: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """The manager read its units again or is a new process: subscribe again and compare everything."""


@dataclass(frozen=True, slots=True)
class StartupFinished:
    """The boot is over."""


@dataclass(frozen=True, slots=True)
class Odd:
    """What was said of a unit makes no sense; `reason` says what."""

    unit: str
    reason: str


News = UnitState | JobEnded | Odd | Unloaded | Renewed | StartupFinished
