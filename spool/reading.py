"""Read records for a destination: one page at a time, whole batches only, damage passed by."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from spool.batch import Batch, Piece
from spool.errors import DamagedRow
from spool.record import Position, StoredRecord
from spool.row import RECORD_COLUMNS, to_record

_CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREADABLE_CODES = frozenset(
    {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
)
_SELECT = f"SELECT {RECORD_COLUMNS} FROM records WHERE number >= ? AND number < ? ORDER BY number"  # noqa: S608 - constants


def is_refusal(error: BaseException) -> bool:
    """Return whether SQLite says that the database itself is broken."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError | sqlite3.ProgrammingError | sqlite3.InterfaceError
        )
    return (
        code & 0xFF in _CORRUPT_CODES
        or code in _UNREADABLE_CODES
        or isinstance(error, sqlite3.IntegrityError)
    )


@dataclass(slots=True)
class Damage:
    """Numbers of records that do not match their checksum, met while reading."""

    numbers: list[int] = field(default_factory=list)


def records_from(
    connection: sqlite3.Connection, first: int, before: int, damage: Damage
) -> Iterator[StoredRecord]:
    """Yield the records first <= number < before; close the iterator to end the statement."""
    while True:
        last = first - 1
        rows = connection.execute(_SELECT, (first, before))
        try:
            for row in rows:
                last = row[0]
                try:
                    stored = to_record(row)
                except DamagedRow:
                    damage.numbers.append(last)
                    continue
                yield stored
        except sqlite3.Error as error:
            if is_refusal(error):
                raise
            unreadable = _next_number(connection, last + 1, before)
            if unreadable is None:
                raise
            damage.numbers.append(unreadable)
            first = unreadable + 1
            continue
        finally:
            rows.close()
        return


def collect(
    connection: sqlite3.Connection,
    position: Position,
    before: int,
    *,
    max_events: int,
    max_bytes: int,
    damage: Damage,
) -> Batch:
    """Return the next batch from `position` on; empty when nothing waits before record `before`."""
    pieces: list[Piece] = []
    events = size = 0
    upto = position
    group: tuple[str, bool] | None = None
    stream = records_from(connection, position.record, before, damage)
    try:
        for number, record in ((stored.number, stored.record) for stored in stream):
            first = position.entry if number == position.record else 0
            if first >= record.count:
                upto = Position(number + 1, 0)
                continue
            kind = (record.hostname, not record.clock_trusted or not record.hostname)
            count = record.count - first
            length = record.segment.length
            if pieces and (kind != group or events + count > max_events or size + length > max_bytes):
                break
            group = kind
            last = first + max(1, min(count, max_events))
            pieces.append(Piece(number, record, first, last))
            events += last - first
            size += length + 1
            upto = Position(number + 1, 0) if last == record.count else Position(number, last)
            if events >= max_events or size >= max_bytes:
                break
    finally:
        stream.close()  # type: ignore[attr-defined]  # a generator: closing it ends the statement
    hostname, needs_correction = group or ("", False)
    return Batch(tuple(pieces), events, size, upto, hostname, needs_correction)


def _next_number(connection: sqlite3.Connection, first: int, before: int) -> int | None:
    row: Any = connection.execute(
        "SELECT number FROM records WHERE number >= ? AND number < ? ORDER BY number LIMIT 1", (first, before)
    ).fetchone()
    return int(row[0]) if row else None
