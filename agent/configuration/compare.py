"""What a reload has to do: which parts of two configurations differ. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.configuration.types import Configuration


class Difference(msgspec.Struct, frozen=True):
    """What changed from one configuration to the next; false when nothing did."""

    collectors: frozenset[str]
    """Names of those that are new, gone, or configured otherwise."""
    destinations: frozenset[str]
    settings: frozenset[str]
    """Keys of agent.yaml besides destinations: hostname, tags, element_identifiers, log_level, spool, intake."""
    needs_restart: frozenset[str]
    """What a running daemon cannot change: the spool's directory."""

    def __bool__(self) -> bool:
        return bool(self.collectors or self.destinations or self.settings or self.needs_restart)

    def names(self) -> list[str]:
        """Return what differs, in a word or two each: `collector files`, `destination main`, `tags`."""
        collectors = (f"collector {name}" for name in sorted(self.collectors))
        destinations = (f"destination {name}" for name in sorted(self.destinations))
        return [*collectors, *destinations, *sorted(self.settings | self.needs_restart)]


def compare(old: Configuration, new: Configuration) -> Difference:
    """Return what differs between the configuration that runs and the one that is to run."""
    settings = {
        key
        for key in old.settings.__struct_fields__
        if key != "destinations" and getattr(old.settings, key) != getattr(new.settings, key)
    }
    is_moved = old.spool_directory != new.spool_directory
    return Difference(
        collectors=_differing(old.collectors, new.collectors),
        destinations=_differing(old.settings.destinations, new.settings.destinations),
        settings=frozenset(settings),
        needs_restart=frozenset({"spool.directory"} if is_moved else ()),
    )


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
