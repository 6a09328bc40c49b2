"""What there is to tell of damage."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found damaged and what became of it; `finished` once the counts are final."""

    reason: str
    time: float
    copy: str = ""
    """Where the damaged files are kept."""
    positions_kept: bool = True
    memory_lost: tuple[str, ...] = ()
    """Owners whose memory could not be read: they learn anew."""
    records_salvaged: int = 0
    events_salvaged: int = 0
    events_lost: int | None = None
    """None where nothing says how many there were."""
    finished: bool = False
    told: bool = False


def from_state(kept: dict[str, Any]) -> Recovery:
    """Return a recovery as the state keeps it."""
    return Recovery(**{**kept, "memory_lost": tuple(kept["memory_lost"])})
