"""Floods: past some number of changes a minute below one root, one summary instead of more details.

The count of what was not told stands in memory with the changes it stands for, so that neither a stop
nor a crash loses it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from collectors._files.difference import Difference
from collectors._files.fingerprint import escape, unescape
from collectors._portable import counted, escaped
from collectors._redaction.passing import without_secrets
from collectors.collector import Memory
from collectors.event import Category, Event, Value

MAX_DETAILS = 500
PREFIX = "=flood"


class Untold(msgspec.Struct, frozen=True, array_like=True):
    """Changes below one root that were remembered and not told one by one."""

    kinds: Mapping[str, int]
    first: int
    last: int
    while_agent_down: bool = False
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()


@dataclass(slots=True)
class _Minute:
    """What was told in a minute, and what was not."""

    start: float
    details: int = 0
    untold: Untold | None = None


class Floods:
    """Counts changes by root."""

    def __init__(self, monotonic: Callable[[], float], minute_seconds: float) -> None:
        self._monotonic = monotonic
        self._minute_seconds = minute_seconds
        self._minutes: dict[str, _Minute] = {}

    def recover(self, memory: Memory) -> None:
        """Take up what memory says was left untold, and nothing else."""
        self._minutes = {root: minute for root, minute in self._minutes.items() if minute.untold is None}
        for key, value in memory.items(PREFIX):
            try:
                untold = msgspec.msgpack.decode(value, type=Untold)
            except msgspec.DecodeError:
                continue
            self._minutes[unescape(key[len(PREFIX) :])] = _Minute(float("-inf"), MAX_DETAILS, untold)

    def admits(self, root: str, difference: Difference, remember: dict[str, bytes | None]) -> bool:
        """Return whether a change may be told by itself; else count it, in `remember`."""
        now = self._monotonic()
        minute = self._minutes.get(root)
        if minute is None or (minute.untold is None and now - minute.start >= self._minute_seconds):
            minute = self._minutes[root] = _Minute(now)
        if minute.details < MAX_DETAILS:
            minute.details += 1
            return True
        minute.untold = self._count(minute.untold, difference)
        remember[PREFIX + escape(root)] = msgspec.msgpack.encode(minute.untold)
        return False

    @staticmethod
    def _count(untold: Untold | None, difference: Difference) -> Untold:
        when = difference.timestamp
        untold = untold or Untold({}, when, when)
        choice = difference.choice
        return Untold(
            kinds={**untold.kinds, difference.kind: untold.kinds.get(difference.kind, 0) + 1},
            first=min(untold.first, when),
            last=max(untold.last, when),
            while_agent_down=untold.while_agent_down or difference.while_agent_down,
            tags=tuple(dict.fromkeys((*untold.tags, *choice.tags))),
            element_identifiers=tuple(
                dict.fromkeys((*untold.element_identifiers, *choice.element_identifiers))
            ),
        )

    def next_due(self) -> float | None:
        """Return when a summary is due, in monotonic seconds."""
        return min(
            (minute.start + self._minute_seconds for minute in self._minutes.values() if minute.untold),
            default=None,
        )

    def summaries(self, *, all_of_them: bool = False) -> Iterator[tuple[Event, dict[str, bytes | None]]]:
        """Yield the summaries that are due, each with what to remember when it is kept."""
        now = self._monotonic()
        for root, minute in list(self._minutes.items()):
            is_due = all_of_them or now - minute.start >= self._minute_seconds
            if minute.untold is not None and is_due:
                yield _summary(root, minute.untold), {PREFIX + escape(root): None}
            if is_due:
                del self._minutes[root]


def _summary(root: str, untold: Untold) -> Event:
    shown = without_secrets(escaped(root or "/"))
    count = sum(untold.kinds.values())
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(untold.kinds.items()))
    change = next(iter(untold.kinds)) if len(untold.kinds) == 1 else "modified"
    data: dict[str, Value] = {
        "path": shown,
        "change": change,
        "summary": True,
        "count": count,
        **{f"count_{kind}": number for kind, number in sorted(untold.kinds.items())},
        "first_timestamp": untold.first,
        "last_timestamp": untold.last,
    }
    if untold.while_agent_down:
        data["while_agent_down"] = True
    return Event(
        name="config",
        event_type="ConfigurationChangedEvent",
        category=Category.CHANGES,
        title=f"{counted(count, 'more file')} changed below {shown}",
        text=f"More than {MAX_DETAILS} files changed below {shown} at once; besides those told one by one: {kinds}.",
        timestamp=untold.last,
        data=data,
        tags=untold.tags,
        element_identifiers=untold.element_identifiers,
    )
