"""Which services are told, and with whose tags: the entries of the configuration as one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

import msgspec

from collectors.collector import recall

DEFAULT_EXCLUDES = ("user@*", "user-runtime-dir@*", "run-*", "session-*")
"""Units that come and go with logins and with `systemd-run`; a pattern that names them itself still wins."""

_SUFFIX = ".service"


@dataclass(frozen=True, slots=True)
class Watched:
    """One entry of the configuration."""

    units: tuple[str, ...]
    exclude: tuple[str, ...]
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()
    log_lines: int = 0

    def matches(self, unit: str) -> bool:
        """Return whether this entry is about the unit."""
        excluded = any(_fits(unit, pattern) for pattern in self.exclude)
        return not excluded and any(
            _fits(unit, pattern) and not _is_excluded_by_default(unit, pattern) for pattern in self.units
        )


class Scope:
    """All entries together; `own_unit` is the agent's, told by the agent itself."""

    def __init__(self, entries: Sequence[Watched], own_unit: str = "") -> None:
        self._entries = tuple(entries)
        self._own_unit = own_unit

    @classmethod
    def decode(cls, remembered: bytes) -> Self:
        """Return the scope that `encode` wrote."""
        patterns = recall(remembered, list[tuple[tuple[str, ...], tuple[str, ...]]]) or []
        return cls([Watched(units, exclude) for units, exclude in patterns])

    def encode(self) -> bytes:
        """Return the patterns, for the next start to know what was in sight before."""
        return msgspec.json.encode([(entry.units, entry.exclude) for entry in self._entries])

    def matches(self, unit: str) -> bool:
        """Return whether any entry is about the unit."""
        return (
            unit.endswith(_SUFFIX)
            and unit != self._own_unit
            and any(entry.matches(unit) for entry in self._entries)
        )

    def attributes(self, unit: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the tags and the element identifiers of every entry that matches, each once."""
        matching = [entry for entry in self._entries if entry.matches(unit)]
        tags = dict.fromkeys(tag for entry in matching for tag in entry.tags)
        identifiers = dict.fromkeys(name for entry in matching for name in entry.element_identifiers)
        return tuple(tags), tuple(identifiers)

    def log_lines(self, unit: str) -> int:
        """Return how many lines of a failed run's log go with its event."""
        return max((entry.log_lines for entry in self._entries if entry.matches(unit)), default=0)


def _fits(unit: str, pattern: str) -> bool:
    """Return whether a pattern, with or without `.service`, fits the unit."""
    return fnmatchcase(unit, pattern) or fnmatchcase(unit, pattern + _SUFFIX)


def _is_excluded_by_default(unit: str, pattern: str) -> bool:
    return any(
        fnmatchcase(unit, exclude) and not fnmatchcase(pattern, exclude) for exclude in DEFAULT_EXCLUDES
    )
