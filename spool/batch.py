"""What a destination reads and what it answers: values only."""

from typing import NamedTuple

from spool.record import EVENT, Position, Record

_BEFORE_ALL = Position(0, 0)


class Piece(NamedTuple):
    """A record, or the part of it from entry `first_entry` up to, not including, `last_entry`."""

    number: int
    record: Record
    first_entry: int
    last_entry: int


class Batch(NamedTuple):
    """What is to be sent in one request: one hostname, and either all trusted or all to be corrected."""

    pieces: tuple[Piece, ...]
    events: int
    bytes: int
    """Of JSON, before compression; a cut record counts whole."""
    upto: Position
    """Acknowledge up to here when all of it is done with."""
    hostname: str
    needs_correction: bool = False
    """The clock was not trusted or no hostname was known when these were captured."""
    kind: str = EVENT
    """What all of it is; what is no event comes one record at a time."""
    start: Position = _BEFORE_ALL
    """Where the first piece begins: what stood between the destination and it is of other kinds."""
    passed_over: int = 0
    """How many entries of other kinds that were."""
    is_full: bool = False
    """Whether it has as many events as it may, or a record behind it ended it, which fits in no request together with it."""


class Rejection(NamedTuple):
    """An entry that a destination refused for good."""

    position: Position
    name: str
    body: bytes
    reason: str
    status: int | None = None
    retrying: bool = False
    """Whether it is to be tried again, as one that a person asked for."""


MOST_ID = 2**63 - 1
"""No entry has a larger id: SQLite has no larger number."""


class RejectedEntry(NamedTuple):
    """A refused entry as it is kept, until it is retried with success, discarded or too old."""

    id: int
    destination: str
    kind: str
    """Of the record it was in."""
    name: str
    body: bytes
    reason: str
    status: int | None
    event_time: int
    rejected_at: float
    hostname: str
    retrying: bool


class Drop(NamedTuple):
    """Entries that a destination will never get, not told yet: how many, why, and from when."""

    destination: str
    reason: str
    count: int  # type: ignore[assignment]  # what it is, which hides the method of a tuple
    first_time: float
    """Of the entries, in seconds since the epoch."""
    last_time: float
