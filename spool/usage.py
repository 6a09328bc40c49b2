"""How much of the spool records take, as they are stored. It reads no record's bytes."""

import sqlite3

from spool.record import Record

_ROW_BYTES = 320
"""What a row takes besides what is counted: its plain columns, and pages that are not full."""


def stored_bytes(record: Record) -> int:
    """Return about what a record will take of the spool."""
    labels = sum(len(label) + 3 for label in (*record.event_types, *record.tags))
    return _ROW_BYTES + len(record.segment.deflated) + labels + len(record.name)


def waiting_bytes(connection: sqlite3.Connection, first: int, origin: str) -> int:
    """Return what the records of `origin` from number `first` on take."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(length(deflated) + length(event_types) + length(tags) + length(name)), 0)"
        " FROM records WHERE number >= ? AND origin = ?",
        (first, origin),
    ).fetchone()
    return int(row[0]) * _ROW_BYTES + int(row[1])
