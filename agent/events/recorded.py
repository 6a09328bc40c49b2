"""The events of a record, whatever is in it: what `log`, `report` and a look back read of the spool."""

from collections.abc import Iterator

import msgspec

from agent.events.chunk import entries
from agent.events.stored_event import StoredEvent, read
from spool import Record


def read_record(record: Record) -> Iterator[tuple[bytes, StoredEvent]]:
    """Yield each event of a record with its bytes; one that cannot be read, of an older version, says so."""
    try:
        bodies = entries(record)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        bodies = [b"null"] * record.count
    for body in bodies:
        yield body, read(body) or _unreadable(record)


def _unreadable(record: Record) -> StoredEvent:
    kind = record.event_types[0] if len(record.event_types) == 1 else record.name
    return StoredEvent(kind, "(this event cannot be read)", tags=record.tags, timestamp=record.first_time)
