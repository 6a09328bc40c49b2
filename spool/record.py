"""What the spool stores: opaque bytes, and beside them what must be known without decoding them."""

from collections.abc import Sequence
from typing import NamedTuple

EVENT = "event"


class Segment(NamedTuple):
    """Bytes compressed as a raw deflate segment of their own; see `spool.segment`."""

    deflated: bytes
    length: int
    """Bytes before compression."""
    adler: int
    """Adler-32 of the bytes before compression."""


class Record(NamedTuple):
    """A chunk: `count` entries of one name captured together, as `entry,entry,…` in `segment`."""

    name: str
    count: int  # type: ignore[assignment]  # as the column is called, which hides the method of a tuple
    first_time: int
    """Seconds since the epoch, of the earliest entry."""
    last_time: int
    event_types: tuple[str, ...]
    tags: tuple[str, ...]
    hostname: str
    """Empty where none was acceptable when it was captured."""
    boot_id: str
    boottime: float
    """CLOCK_BOOTTIME at capture, in seconds."""
    captured: float
    """Wall clock at capture, in seconds."""
    clock_trusted: bool
    segment: Segment
    origin: str = ""
    """Who emitted it: a collector's name, or `intake`."""
    kind: str = EVENT
    """What its entries are: events, or what only destinations that ask for it take, as `stackstate/metrics`."""


class Position(NamedTuple):
    """Where a destination stands: everything before entry `entry` of record `record` is done with."""

    record: int
    entry: int


class StoredRecord(NamedTuple):
    """A record as read back, with its place in the order."""

    number: int
    record: Record


ROW_BYTES = 320
"""What a row takes besides what is counted: its plain columns, and pages that are not full."""


_LABEL_BYTES = 3  # its quotes and a comma


def stored_bytes(records: Sequence[Record]) -> int:
    """Return about what records will take of the spool."""
    size_bytes = ROW_BYTES * len(records)
    for record in records:
        labels = record.event_types + record.tags
        size_bytes += len(record.name) + len(record.segment.deflated) + len("".join(labels))
        size_bytes += _LABEL_BYTES * len(labels)
    return size_bytes
