"""The tables that hold rows with a number, each with its columns in order. A column is added here, and nowhere else."""

from typing import NamedTuple

from spool.table import Table


class RecordRow(NamedTuple):
    """A record, and how many entries and bytes were ever appended before it."""

    number: int
    crc: int
    kind: str
    name: str
    count: int  # type: ignore[assignment]  # as the column is called, which hides the method of a tuple
    events_before: int
    bytes_before: int
    first_time: int
    last_time: int
    captured: float
    boottime: float
    clock_trusted: int
    hostname: str
    boot_id: str
    origin: str
    event_types: str
    tags: str
    length: int
    adler: int
    deflated: bytes


class RejectedRow(NamedTuple):
    """An entry that a destination refused for good."""

    id: int
    crc: int
    destination: str
    record: int
    entry: int
    kind: str
    name: str
    reason: str
    status: int | None
    event_time: int
    rejected_at: float
    hostname: str
    retrying: int
    body: bytes


class SetAsideRow(NamedTuple):
    """What was left of a row that did not match its checksum."""

    id: int
    crc: int
    source: str
    key: str
    found_at: float
    row: bytes


RECORDS = Table("records", RecordRow, alike=("captured", "event_types"))
REJECTED = Table("rejected", RejectedRow)
SET_ASIDE = Table("set_aside", SetAsideRow)
