"""What a reload has to do: which parts of two configurations differ. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.configuration.types import Configuration


class Parts(msgspec.Struct, frozen=True):
    """Names on one side only, and names whose settings differ."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Whatever differs in some way."""
        return self.added | self.removed | self.changed

    def __bool__(self) -> bool:
        return bool(self.all)


class Difference(msgspec.Struct, frozen=True):
    """What changed from one configuration to the next; false when nothing did."""

    collectors: Parts
    destinations: Parts
    settings: frozenset[str]
    """Keys of agent.yaml besides destinations: hostname, tags, element_identifiers, log_level, spool, intake."""
    needs_restart: frozenset[str]
    """What a running daemon cannot change: the spool's directory."""

    def __bool__(self) -> bool:
        return bool(self.collectors or self.destinations or self.settings or self.needs_restart)

    def names(self) -> list[str]:
        """Return what differs, in a word or two each: `collector files`, `destination main`, `tags`."""
        collectors = (f"collector {name}" for name in sorted(self.collectors.all))
        destinations = (f"destination {name}" for name in sorted(self.destinations.all))
        return [*collectors, *destinations, *sorted(self.settings | self.needs_restart)]


def compare(old: Configuration, new: Configuration) -> Difference:
    """Return what differs between the configuration that runs and the one that is to run."""
    settings = {
        key
        for key in old.settings.__struct_fields__
        if key != "destinations" and getattr(old.settings, key) != getattr(new.settings, key)
    }
    restart = {
        key
        for key, before, after in (("spool.directory", old.spool_directory, new.spool_directory),)
        if before != after
    }
    return Difference(
        collectors=_parts(old.collectors, new.collectors),
        destinations=_parts(old.settings.destinations, new.settings.destinations),
        settings=frozenset(settings),
        needs_restart=frozenset(restart),
    )


def _parts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Parts:
    both = old.keys() & new.keys()
    return Parts(
        added=frozenset(new.keys() - old.keys()),
        removed=frozenset(old.keys() - new.keys()),
        changed=frozenset(name for name in both if old[name] != new[name]),
    )
