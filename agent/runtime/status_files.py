"""How the spool is doing when no daemon can be asked: what its files and the configuration say together."""

from collections.abc import Mapping

from agent.configuration.types import DestinationSettings, Only
from agent.delivery.filter import Filter
from agent.delivery.waiting import that_passes
from spool import EVENT, SpoolReader, SpoolStatus


def status_of(reader: SpoolReader, destinations: Mapping[str, DestinationSettings]) -> SpoolStatus:
    """Return it; of what waits for a destination with a filter, only what passes that. Raises `SpoolError`."""
    status = reader.status()
    filters = {
        name: Filter(settings.only, settings.never)
        for name, settings in destinations.items()
        if settings.only != Only()
    }
    standing = tuple(
        that_passes(one, filters[one.name], frozenset({EVENT}), reader.look) if one.name in filters else one
        for one in status.destinations
    )
    return status._replace(destinations=standing)
