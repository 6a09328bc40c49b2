"""Read records for a destination: one page at a time, whole batches only, damage passed by."""

import sqlite3
from collections.abc import Container, Iterator
from operator import itemgetter
from typing import Any

from spool.batch import Batch, Piece
from spool.codec import record_of
from spool.record import EVENT, Position
from spool.tables import RECORDS, RecordRow

_PASSED_OVER_AT_ONCE = 256
_CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREADABLE_CODES = frozenset(
    {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
)
_made = tuple.__new__  # as the class makes one, in a third of the time
_likeness_of = itemgetter(*map(RecordRow._fields.index, ("kind", "hostname", "clock_trusted")))
_size_of = itemgetter(*map(RecordRow._fields.index, ("count", "length")))
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


def rows_from(
    connection: sqlite3.Connection, first: int, before: int, damage: Damage
) -> Iterator[tuple[Any, ...]]:
    """Yield the whole rows of the records first <= number < before; close the iterator to end the statement."""
    is_whole = RECORDS.whole_in_turn()
    while True:
        last = first - 1
        rows = connection.execute(_SELECT, (first, before))
        try:
            for row in rows:
                last = row[0]
                if is_whole(row):
                    yield row
                else:
                    damage.numbers.append(last)
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
    rows = rows_from(connection, position.record, before, damage)
    try:
        start, passed_over, first = _first_piece(rows, position, kinds, max_events)
        if first is None:
            return Batch((), 0, 0, start, "", start=start, passed_over=passed_over)
        return _filled(first, rows, max_events, max_bytes)._replace(start=start, passed_over=passed_over)
    finally:
        rows.close()  # type: ignore[attr-defined]  # a generator: closing it ends the statement


def _first_piece(
    rows: Iterator[tuple[Any, ...]], position: Position, kinds: Container[str], max_events: int
) -> tuple[Position, int, Piece | None]:
    """Return where a batch begins, how many entries of other kinds lie before it, and its first piece, if there is one."""
    passed_over = records = 0
    start = position
    # Passed over only in front: behind a piece, a position in the middle of the batch could not say what was
    # filtered and what is still to be sent (docs/decisions/0033-columns-and-kinds.md).
    for row in rows:
        number, record = row[0], record_of(row)
        first = position.entry if number == position.record else 0
        if first < record.count and record.kind in kinds:
            # It is taken in any case: one larger than the batch may be would block for ever.
            most = max(1, max_events) if record.kind == EVENT else record.count
            return start, passed_over, Piece(number, record, first, min(record.count, first + most))
        start = Position(number + 1, 0)
        if first < record.count:
            passed_over += record.count - first
            records += 1
            if records == _PASSED_OVER_AT_ONCE:
                break
    return start, passed_over, None


def _filled(first: Piece, rows: Iterator[tuple[Any, ...]], max_events: int, max_bytes: int) -> Batch:
    """Return a batch of its first piece and the records behind it that are like it, as many as fit."""
    record = first.record
    alike = (record.kind, record.hostname, record.clock_trusted) if record.kind == EVENT else None
    pieces = [first]
    events, size_bytes = first.last_entry - first.first_entry, record.segment.length
    is_full = events >= max_events
    while not is_full and (row := next(rows, None)):
        count, length = _size_of(row)
        more_events, more_bytes = events + count, size_bytes + 1 + length
        is_full = (
            _likeness_of(row) != alike or not events < more_events <= max_events or more_bytes > max_bytes
        )
        if not is_full:
            pieces.append(_made(Piece, (row[0], record_of(row), 0, count)))
            events, size_bytes = more_events, more_bytes
            is_full = events == max_events
    kind, hostname = first.record.kind, first.record.hostname
    return Batch(
        tuple(pieces),
        events,
        size_bytes + 1,
        _behind(pieces[-1]),
        hostname,
        kind == EVENT and not (hostname and first.record.clock_trusted),
        kind,
        is_full=is_full,
    )


def _behind(piece: Piece) -> Position:
    number, record, _, last_entry = piece
    return Position(number + 1, 0) if last_entry == record.count else Position(number, last_entry)


def _next_number(connection: sqlite3.Connection, first: int, before: int) -> int | None:
    row: Any = connection.execute(
        "SELECT number FROM records WHERE number >= ? AND number < ? ORDER BY number LIMIT 1", (first, before)
    ).fetchone()
    return int(row[0]) if row else None
