"""How a destination is doing, as `status` shows it; no text in here holds a credential."""

from enum import StrEnum

import msgspec


class Phase(StrEnum):
    """What its loop is at."""

    IDLE = "idle"
    SENDING = "sending"
    BACKING_OFF = "backing off"
    PAUSED = "paused"
    STOPPED = "stopped"


class DestinationState(msgspec.Struct, frozen=True):
    """One moment of one destination; times are seconds since the epoch."""

    name: str
    phase: Phase = Phase.IDLE
    since: float = 0.0
    until: float | None = None
    """When it is tried again, while backing off or paused."""
    reason: str = ""
    """Why it is backing off or paused."""
    failures: int = 0
    """In a row."""
    needs_operator: bool = False
    """Whether it was paused when it was last tried: also while it is tried once more."""
    last_success: float | None = None
    last_failure: float | None = None
    last_failure_reason: str = ""
