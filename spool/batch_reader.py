"""Read records for a destination: one page at a time, whole batches only, damage passed by."""

import sqlite3
from collections.abc import Container, Iterator
from typing import Any

from spool.batch import Batch, Piece
from spool.codec import to_record
from spool.errors import DamagedRow
from spool.record import EVENT, Position, Record, StoredRecord
from spool.tables import RECORDS

_PASSED_OVER_AT_ONCE = 256
_CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREADABLE_CODES = frozenset(
    {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
)
_SELECT = f"{RECORDS.select} WHERE number >= ? AND number < ? ORDER BY number"


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


class Damage:
    """Numbers of records that do not match their checksum, met while reading."""

    __slots__ = ("numbers",)

    def __init__(self) -> None:
        self.numbers: list[int] = []


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
            # A row that raises and is no refusal of the whole database (text that is no UTF-8, a number too large) is one
            # damaged row: the statement cannot be stepped past it, so another one begins behind it.
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
    kinds: Container[str],
    max_events: int,
    max_bytes: int,
    damage: Damage,
) -> Batch:
    """Return the next batch of these kinds from `position` on; empty when none waits before record `before`.

    Records of other kinds in front of it are passed over, so many at once; one behind its first piece ends it, so that
    whatever a position passes was read in its order and is counted once.
    """
    gathered = _Gathered(max_events, max_bytes, start=position)
    stream = records_from(connection, position.record, before, damage)
    try:
        for number, record in stream:
            first = position.entry if number == position.record else 0
            if first >= record.count:
                gathered.go_on_at(Position(number + 1, 0))
            # Passed over only in front: behind a piece, a position in the middle of the batch could not say what was
            # filtered and what is still to be sent (docs/decisions/0033-columns-and-kinds.md).
            elif record.kind not in kinds:
                if gathered.pieces or not gathered.passes_over(number, record.count - first):
                    gathered.has_more = bool(gathered.pieces)
                    break
            elif not gathered.takes(number, record, first):
                gathered.has_more = True
                break
    finally:
        stream.close()  # type: ignore[attr-defined]  # a generator: closing it ends the statement
    return gathered.batch()


class _Gathered:
    """A batch on its way: it takes what fits together."""

    def __init__(self, max_events: int, max_bytes: int, start: Position) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._group = ("", False, EVENT)
        self._events = self._bytes = self._passed_over = self._records = 0
        self._start = start
        self._upto: tuple[int, int] = start
        self._is_full = False
        self.has_more = False
        """Whether something lies behind it."""
        self.pieces: list[Piece] = []

    def go_on_at(self, position: Position) -> None:
        """Have nothing before `position` read again."""
        self._upto = position
        if not self.pieces:
            self._start = position

    def passes_over(self, number: int, entries: int) -> bool:
        """Leave a record of another kind out; return whether to go on: a read is bounded."""
        self._passed_over += entries
        self._records += 1
        self.go_on_at(Position(number + 1, 0))
        return self._records < _PASSED_OVER_AT_ONCE

    def takes(self, number: int, record: Record, first: int) -> bool:
        """Take a record from entry `first` on, or a part of it; return whether it fitted."""
        if self._is_full:
            return False
        _, count, _, _, _, _, hostname, _, _, _, clock_trusted, segment, _, kind = record
        is_event = kind == EVENT
        group = (hostname, is_event and not (clock_trusted and hostname), kind)
        events, size_bytes = self._events + count - first, self._bytes + segment.length
        if not self.pieces:
            self._group = group
            # The first record is taken in any case: one larger than the batch may be would block for ever.
            if is_event and events > self._max_events:
                count = first + max(1, self._max_events)
                events = count - first
        elif group != self._group or events > self._max_events or size_bytes > self._max_bytes:
            return False
        self.pieces.append(Piece(number, record, first, count))
        self._events, self._bytes = events, size_bytes + 1
        self._upto = (number + 1, 0) if count == record.count else (number, count)
        self._is_full = not is_event or events >= self._max_events or size_bytes + 1 >= self._max_bytes
        return True

    def batch(self) -> Batch:
        """Return what was gathered."""
        hostname, needs_correction, kind = self._group
        return Batch(
            tuple(self.pieces),
            self._events,
            self._bytes,
            Position(*self._upto),
            hostname,
            needs_correction,
            kind,
            self._start,
            self._passed_over,
            self.has_more,
        )


def _next_number(connection: sqlite3.Connection, first: int, before: int) -> int | None:
    row: Any = connection.execute(
        "SELECT number FROM records WHERE number >= ? AND number < ? ORDER BY number LIMIT 1", (first, before)
    ).fetchone()
    return int(row[0]) if row else None
