"""The database as the writer sees it: the connection, the state, and transactions over both.

Only who has the writer's turn touches a `Store`. What a job changes here counts when `commit` has returned;
`rollback` puts the state back to what the database says. SQLite hears of a transaction when somebody asks for the
connection in it: one that only appends some records is a single statement, which is a transaction by itself.
"""

import sqlite3
import sys
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from spool import failpoints, memory, schema, state
from spool.record import Position
from spool.schema import Schema
from spool.state import State
from spool.tables import RECORDS, RecordRow

_LOOK_BACK_ROWS = 64
_ROWS_AT_ONCE = 8
"""So many records are one statement at most: more come seldom, and each number of them has its own."""
_FURTHER_ROW = f", ({', '.join('?' * len(RecordRow._fields))})"


class Store:
    """One open database with its state."""

    def __init__(self, path: Path, wanted: Schema = schema.SCHEMA) -> None:
        self.path = path
        self.schema = wanted
        self._connection = schema.open_writer(path, wanted)
        self._is_put_off = False
        """Whether the transaction was begun here and not in the database; `_rows` is all it does so far."""
        self._rows: list[tuple[Any, ...]] = []
        try:
            self.state = state.load(self.connection) or State(long_bytes={})
            self.totals = memory.load_totals(self.connection, self.state.long_bytes)
            self.remembered_bytes = memory.stored_bytes(self.totals)
            """What all that is remembered takes, as of the last commit."""
            self.learn_the_end()
        except BaseException as error:
            self.close(error)
            raise
        self.inode = path.stat().st_ino
        self._changed = False
        self.has_news = True
        """Whether more of the state was committed than where it ends, since the engine looked last."""
        self._saved = self.state.to_json()
        self._synchronous = wanted.synchronous

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection; from `begin` on it is inside the transaction, with all that was appended."""
        if self._is_put_off:
            self._is_put_off = False
            self._connection.execute("BEGIN IMMEDIATE")
            self._insert(self._rows)
        return self._connection

    def touch(self) -> None:
        """Have the state written with this transaction."""
        self._changed = True

    def keep_long_bytes(self) -> None:
        """Have the state say what the long rows take that are remembered now, where they were counted."""
        found = {owner: mine.long_bytes for owner, mine in self.totals.items() if mine.long_bytes}
        if self.state.long_bytes is not None and found != self.state.long_bytes:
            self.state.long_bytes = found
            self.touch()

    def begin(self, *, durable: bool) -> None:
        """Open a transaction; one that is not durable survives SIGKILL, and power loss from the next durable one on."""
        wanted = self.schema.synchronous if durable else "NORMAL"
        if wanted != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous = {wanted}")
            self._synchronous = wanted
        self._is_put_off, self._rows = True, []

    def append(self, rows: list[tuple[Any, ...]]) -> None:
        """Insert rows of records inside the transaction."""
        if self._is_put_off:
            self._rows += rows
        else:
            self._insert(rows)

    def commit(self) -> None:
        """Commit what was done since `begin`; on disk when it returns, if durable."""
        document = state.save(self.connection, self.state) if self._changed else self._saved
        failpoints.reached("commit.before")
        if self._is_put_off and 0 < len(self._rows) <= _ROWS_AT_ONCE:
            rows = self._rows
            values = rows[0] if len(rows) == 1 else [*chain.from_iterable(rows)]
            self._connection.execute(_insert_of(len(rows)), values)
            self._is_put_off = False
        else:
            self.connection.execute("COMMIT")
            self.remembered_bytes = memory.stored_bytes(self.totals)
        failpoints.reached("commit.after")
        self.has_news = self.has_news or self._changed
        self._changed = False
        self._saved = document
        self._end = (self.state.last_number, self.state.total_events, self.state.total_bytes)

    def rollback(self) -> None:
        """Undo what was done since `begin`, in the database and in the state."""
        self.state = State.from_json(self._saved)
        self.state.last_number, self.state.total_events, self.state.total_bytes = self._end
        self._changed = self._is_put_off = False
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.totals = memory.load_totals(self.connection, self.state.long_bytes)

    def accepted_frames(self) -> int:
        """Return how many frames of the -wal SQLite believes; they are written into the database.

        Where that cannot be said because the disk is full, it is more than any -wal has.
        """
        try:
            return int(self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
        except sqlite3.OperationalError:
            return sys.maxsize

    def adopt(self, newer: State) -> None:
        """Go on from a state that the database has lost."""
        self.state = newer
        self.touch()

    def close(self, because: BaseException | None = None) -> None:
        """Close the connection; SQLite checkpoints when nobody else has the database open."""
        schema.close(self.connection, because)

    def cumulative_at(self, position: Position) -> tuple[int, int]:
        """Return how many entries and bytes were ever appended before a position."""
        rows = self.connection.execute(
            f"{RECORDS.select} WHERE number >= ? ORDER BY number",
            (position.record,),
        )
        try:
            for row in rows:
                record = RECORDS.whole(row)
                if record is None:
                    continue
                inside = position.entry if record.number == position.record else 0
                return record.events_before + min(inside, record.count), record.bytes_before
        finally:
            rows.close()
        return self.state.total_events, self.state.total_bytes

    def normal(self, position: Position) -> Position:
        """Return the position, or the start of the next record where it stands behind the last entry."""
        if not position.entry:
            return position
        row = self.connection.execute(
            "SELECT count FROM records WHERE number = ?", (position.record,)
        ).fetchone()
        inside = row is not None and isinstance(row[0], int) and position.entry < row[0]
        return position if inside else Position(position.record + 1, 0)

    def times_between(self, first: int, before: int) -> tuple[float, float] | None:
        """Return when the first entry of records first <= number < before happened, and when the last."""
        select = "SELECT first_time, last_time FROM records WHERE number >= ? AND number < ? ORDER BY number"
        ends = [
            self.connection.execute(f"{select} {order} LIMIT 1", (first, before)).fetchone()
            for order in ("ASC", "DESC")
        ]
        try:
            return float(ends[0][0]), float(ends[1][1])
        except (TypeError, ValueError):
            return None

    def keep_the_end(self) -> None:
        """Write down, inside the open transaction, which number was the last: rows that said it are deleted.

        The state says it too; this is for when both of its copies are damaged.
        """
        row = (self.state.last_number, "records")
        if not self.connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", row).rowcount:
            self.connection.execute("INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)", row)

    def learn_the_end(self) -> None:
        """Find where the next record goes; appends do not write the state, their rows say it."""
        sequence = self.connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'records'"
        ).fetchone()
        rows = self.connection.execute(f"{RECORDS.select} ORDER BY number DESC LIMIT {_LOOK_BACK_ROWS}")
        end = self.state
        try:
            for index, row in enumerate(rows):
                if index == 0:
                    end.last_number = max(end.last_number, int(row[0]))
                record = RECORDS.whole(row)
                if record is None:
                    continue
                end.total_events = max(end.total_events, record.events_before + record.count)
                end.total_bytes = max(end.total_bytes, record.bytes_before + record.length)
                break
        finally:
            rows.close()
        positions = (standing.record - 1 for standing in end.standings.values())
        end.last_number = max(end.last_number, int(sequence[0]) if sequence else 0, *positions, 0)
        self._end = self._end_of_state()

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.executemany(RECORDS.insert, rows)

    def _end_of_state(self) -> tuple[int, int, int]:
        return self.state.last_number, self.state.total_events, self.state.total_bytes


@cache
def _insert_of(rows: int) -> str:
    return RECORDS.insert + _FURTHER_ROW * (rows - 1)
