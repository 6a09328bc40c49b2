"""What the manager tells: the values that `systemd` reads and `watch` acts upon."""

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
    """What was said of a unit makes no sense; `reason` says what."""

    unit: str
    reason: str


News = UnitState | JobBegun | JobEnded | Odd | Unloaded | Renewed | StartupFinished
