"""Units of which systemd says what makes no sense: each is told once, and holds no other up.

What is told stays remembered until the unit can be read again, so that it is not told at every start.
"""

from collections.abc import Mapping

from collectors._portable import escaped
from collectors.collector import Memory
from collectors.event import Category, Event

_PREFIX = "trouble/"
_MAX_TOLD = 100
"""So many are told one by one; whoever makes more of them is counted in `status`."""


class Troubles:
    """The units that could not be read when they were looked at last, and what is to be told and kept of that."""

    def __init__(self, memory: Memory) -> None:
        self._reasons = {
            key.removeprefix(_PREFIX): value.decode("utf-8", "replace")
            for key, value in memory.items(_PREFIX)
        }
        self._pending: dict[str, str | None] = {}

    def met(self, unit: str, reason: str) -> None:
        """Note why a unit cannot be read."""
        unit = escaped(unit)[:300]
        if unit not in self._all() and len(self._all()) < _MAX_TOLD:
            self._pending[unit] = escaped(reason)[:200]

    def over(self, unit: str) -> None:
        """Note that a unit could be read."""
        if self._pending.pop(unit, None) is None and unit in self._reasons:
            self._pending[unit] = None

    def news(self, now: int) -> list[Event]:
        """Return what is to be told: units that are new among these."""
        return [_event(unit, reason, now) for unit, reason in self._pending.items() if reason is not None]

    def to_remember(self) -> Mapping[str, bytes | None]:
        """Return what is to be kept with it."""
        return {
            _PREFIX + unit: None if reason is None else reason.encode()
            for unit, reason in self._pending.items()
        }

    def kept(self) -> None:
        """Note that what was to be told was kept."""
        self._reasons = self._all()
        self._pending = {}

    def forgo(self) -> None:
        """Drop what was not kept; it will be met again."""
        self._pending = {}

    def in_words(self) -> str:
        """Return what `status` shows of them; empty when there is nothing."""
        if not self._all():
            return ""
        unit, reason = next(iter(self._all().items()))
        return f"cannot read {len(self._all())}, as {unit}: {reason}"

    def _all(self) -> dict[str, str]:
        both = self._reasons | self._pending
        return {unit: reason for unit, reason in both.items() if reason is not None}


def _event(unit: str, reason: str, now: int) -> Event:
    return Event(
        name="agent",
        event_type="WatchDegradedEvent",
        category=Category.ALERTS,
        title=f"What becomes of {unit} cannot be told",
        text=f"What systemd says of {unit} makes no sense: {reason}. Every other service is watched as before.",
        timestamp=now,
        data={"unit": unit, "reason": reason},
    )
