"""The services that this host has unit files for, by every name; read from the directories, whoever runs systemd.

Only for names: what becomes of a unit, and whether it is loaded at all, the manager alone tells.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

DIRECTORIES = (
    "etc/systemd/system",
    "run/systemd/system",
    "run/systemd/transient",
    "run/systemd/generator.early",
    "run/systemd/generator",
    "run/systemd/generator.late",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)
"""As systemd.unit(5) lists them."""

_SUFFIX = ".service"


class UnitFiles(msgspec.Struct, frozen=True):
    """Names of services, and of each alias the name that systemd knows the unit by."""

    names: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = msgspec.field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Return whether there is a unit of the name, be it an alias or an instance of a template."""
        template, at, _ = name.partition("@")
        known = self.names | self.aliases.keys()
        return name in known or (bool(at) and f"{template}@{_SUFFIX}" in known)

    def other_names(self) -> dict[str, tuple[str, ...]]:
        """Return the aliases of each unit that has some."""
        found: dict[str, tuple[str, ...]] = {}
        for alias in self.aliases:
            unit = self._resolve(alias)
            found[unit] = (*found.get(unit, ()), alias)
        return found

    def _resolve(self, name: str) -> str:
        for _ in self.aliases:
            if name not in self.aliases:
                break
            name = self.aliases[name]
        return name


def read_unit_files(root: Path = Path("/")) -> UnitFiles:
    """Return what the unit directories below `root` name; one that may not be read names nothing."""
    names: set[str] = set()
    aliases: dict[str, str] = {}
    for directory in DIRECTORIES:
        try:
            entries = sorted((root / directory).iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.name.endswith(_SUFFIX) and entry.name not in names | aliases.keys():
                target = _link_target(entry)
                if target.endswith(_SUFFIX) and target != entry.name:
                    aliases[entry.name] = target
                else:
                    names.add(entry.name)
    return UnitFiles(frozenset(names), aliases)


def _link_target(entry: Path) -> str:
    try:
        return entry.readlink().name
    except OSError:
        return ""
