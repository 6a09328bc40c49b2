"""Which services are told, and with whose tags: the entries of the configuration as one question."""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Self

import msgspec

from collectors._services.unit_files import UnitFiles
from collectors.collector import recall, united

DEFAULT_EXCLUDES = ("user@*", "user-runtime-dir@*", "run-*", "session-*")
"""Units that come and go with logins and with `systemd-run`; a pattern that names them itself still wins."""

_SUFFIX = ".service"


class Watched(msgspec.Struct, frozen=True):
    """One entry of the configuration."""

    units: tuple[str, ...]
    exclude: tuple[str, ...]
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()
    log_lines: int = 0
    either: tuple[tuple[str, ...], ...] = ()
    """The units that braces stand for, one of each suffices: those of other families of Linux are not missed."""

    def matches(self, unit: str, aliases: Sequence[str] = ()) -> bool:
        """Return whether this entry is about the unit, by its name or by an alias."""
        names = (unit, *aliases)
        excluded = any(_fits(name, pattern) for name in names for pattern in self.exclude)
        return not excluded and any(
            _fits(name, pattern) and not _is_excluded_by_default(name, pattern)
            for name in names
            for pattern in self.units
        )


class Scope:
    """All entries together; `own_unit` is the agent's, told by the agent itself."""

    def __init__(
        self,
        entries: Sequence[Watched],
        own_unit: str = "",
        *,
        read_unit_files: Callable[[], UnitFiles] = UnitFiles,
    ) -> None:
        self.entries = tuple(entries)
        self._own_unit = own_unit
        self._read_unit_files = read_unit_files
        self.unit_files = UnitFiles()
        """As of the last `refresh`."""
        self._aliases: Mapping[str, tuple[str, ...]] = {}

    def refresh(self) -> None:
        """Look again which unit files there are, and under which aliases."""
        self.unit_files = self._read_unit_files()
        self._aliases = self.unit_files.other_names()

    @classmethod
    def decode(cls, remembered: bytes) -> Self:
        """Return the scope that `encode` wrote."""
        patterns = recall(remembered, list[tuple[tuple[str, ...], tuple[str, ...]]]) or []
        return cls([Watched(units, exclude) for units, exclude in patterns])

    def encode(self) -> bytes:
        """Return the patterns, for the next start to know what was in sight before."""
        return msgspec.json.encode([(entry.units, entry.exclude) for entry in self.entries])

    def matches(self, unit: str) -> bool:
        """Return whether any entry is about the unit."""
        return unit.endswith(_SUFFIX) and unit != self._own_unit and bool(self._matching(unit))

    def attributes(self, unit: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the tags and the element identifiers of every entry that matches, each once."""
        matching = self._matching(unit)
        tags = united(entry.tags for entry in matching)
        return tags, united(entry.element_identifiers for entry in matching)

    def log_lines(self, unit: str) -> int:
        """Return how many lines of a failed run's log go with its event."""
        return max((entry.log_lines for entry in self._matching(unit)), default=0)

    def _matching(self, unit: str) -> list[Watched]:
        aliases = self._aliases.get(unit, ())
        return [entry for entry in self.entries if entry.matches(unit, aliases)]


def _fits(unit: str, pattern: str) -> bool:
    """Return whether a pattern, with or without `.service`, fits the unit."""
    return fnmatchcase(unit, pattern) or fnmatchcase(unit, pattern + _SUFFIX)


def _is_excluded_by_default(unit: str, pattern: str) -> bool:
    return any(
        fnmatchcase(unit, exclude) and not fnmatchcase(pattern, exclude) for exclude in DEFAULT_EXCLUDES
    )
