"""This host's changes of the last day, read back from the spool: what a failure names survives a restart."""

import logging
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from agent.events.preceding import DAY_SECONDS, MOST_CHANGES
from agent.events.recorded import read_record
from agent.events.stored_event import StoredEvent
from spool import SpoolError, SpoolReader

log = logging.getLogger(__name__)

_NAMES = frozenset({"config", "package", "puppet"})
"""The names of records that hold changes which collectors saw."""
_MOST_RECORDS = 20_000


def last_day(directory: Path) -> Sequence[StoredEvent]:
    """Return the changes, oldest first, at most as many as are remembered; nothing where the spool cannot be read."""
    events: list[StoredEvent] = []
    try:
        with SpoolReader.open(directory) as reader:
            newest_first = reader.records(time.time() - DAY_SECONDS, newest_first=True)
            for stored in islice(newest_first, _MOST_RECORDS):
                if len(events) >= MOST_CHANGES:
                    break
                if stored.record.name in _NAMES:
                    events += reversed([event for _, event in read_record(stored.record)])
    except SpoolError as error:
        log.warning("what changed before a failure is not known: %s", error)
    events.reverse()
    return events
