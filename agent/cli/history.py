"""Reads this host's history from the spool, event by event: by when it happened, or as it was recorded.

It changes nothing, and holds no more of a long history in memory than what overlaps in time.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from agent.cli.wanted import Wanted
from agent.events.recorded import read_record
from agent.events.stored_event import StoredEvent
from spool import SpoolReader, StoredRecord

_NEAR = 64
"""So far ahead it is read on rather than looked up."""
LATE_SECONDS = 60
"""What was recorded so much later than it happened stands among what was known before it: that is said."""


class Kept(NamedTuple):
    """One event as it is in the spool: the `entry` of record `number`."""

    number: int
    entry: int
    body: bytes
    event: StoredEvent
    happened: int
    recorded: float

    @property
    def is_late(self) -> bool:
        """Whether it became known only when later things were known."""
        return self.recorded - self.happened > LATE_SECONDS


def as_recorded(reader: SpoolReader, wanted: Wanted, after: int = 0) -> Iterator[Kept]:
    """Yield what is wanted of the records above `after`, in the order in which it was recorded."""
    for stored in reader.records(wanted.since, wanted.until, after):
        yield from _kept(stored, wanted)


def by_time(reader: SpoolReader, wanted: Wanted) -> Iterator[Kept]:
    """Yield what is wanted in the order in which it happened."""
    spans = sorted(
        (stored.record.first_time, stored.number)
        for stored in reader.records(wanted.since, wanted.until)
        if wanted.may_be_in(stored.record)
    )
    finder = _Finder(reader)
    waiting: list[tuple[int, int, int, Kept]] = []
    for first_time, number in spans:
        while waiting and waiting[0][0] < first_time:
            yield heapq.heappop(waiting)[-1]
        stored = finder.find(number)
        for kept in _kept(stored, wanted) if stored else ():
            heapq.heappush(waiting, (kept.happened, kept.number, kept.entry, kept))
    while waiting:
        yield heapq.heappop(waiting)[-1]


def last(reader: SpoolReader, wanted: Wanted, count: int) -> list[Kept]:
    """Return the last `count` that were recorded of what is wanted, in the order in which they were."""
    found: deque[Kept] = deque()
    for stored in reader.records(wanted.since, wanted.until, newest_first=True):
        if len(found) >= count:
            break
        found.extendleft(reversed([*_kept(stored, wanted)]))
    return list(found)[-count:] if count else []


def newest(reader: SpoolReader) -> int:
    """Return the number of the last record; 0 where there is none."""
    stored = next(iter(reader.records(newest_first=True)), None)
    return stored.number if stored else 0


class _Finder:
    """Finds records by number; in a row they cost as little as reading on."""

    def __init__(self, reader: SpoolReader) -> None:
        self._reader = reader
        self._records: Iterator[StoredRecord] = iter(())
        self._at: int | None = None

    def find(self, number: int) -> StoredRecord | None:
        """Return a record; None where it was dropped meanwhile."""
        if self._at is None or not self._at < number <= self._at + _NEAR:
            self._records = self._reader.records(after=number - 1)
        for stored in self._records:
            self._at = stored.number
            if stored.number >= number:
                return stored if stored.number == number else None
        self._at = None
        return None


def _kept(stored: StoredRecord, wanted: Wanted) -> Iterator[Kept]:
    record = stored.record
    if not wanted.may_be_in(record):
        return
    for entry, (body, event) in enumerate(read_record(record)):
        happened = record.first_time if event.timestamp is None else event.timestamp
        if wanted.has(event, happened):
            yield Kept(stored.number, entry, body, event, happened, record.captured)
