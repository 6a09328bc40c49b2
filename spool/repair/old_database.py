"""What can be read at once of a database that was moved aside: the state, the memory, the names of incoming files.

By SQLite where it still leads there, the state also from its pages. Nothing here writes to the old files, but a first page that
SQLite needs to open them; their records are brought back by `spool.repair.salvage`.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from spool import memory, schema, state, texts
from spool.errors import DamagedRow
from spool.groups import is_keeper
from spool.memory_rows import page_through
from spool.repair.first_page import KEPT, put_first_page
from spool.repair.pages import PageFile, rows_of
from spool.schema import Schema
from spool.state import State
from spool.store import Store
from spool.table import checksum

_PAGES_WITH_STATE = 64
_TEXTS_COPIED_BYTES = 16 * 1024 * 1024
"""A start waits for the copy: of the texts only the newest are worth it."""


class OldDatabase:
    """What can be read of the files that were moved aside, through SQLite where it still can."""

    def __init__(self, path: Path, wanted: Schema) -> None:
        self._path = path
        self._wanted = wanted
        self._connection = self._open()
        if self._connection is None and path.is_file() and not (path.parent / KEPT).exists():
            with suppress(OSError):
                put_first_page(path, wanted)
                self._connection = self._open()

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> sqlite3.Connection | None:
        if not self._path.is_file():
            return None
        connection = None
        try:
            connection = schema.open_reader(self._path)
            if schema.version_of(connection) and schema.layout_of(connection) >= self._wanted.layout():
                return connection
        except (sqlite3.Error, OSError):
            pass
        if connection is not None:
            connection.close()
        return None

    def state(self) -> State | None:
        """Return the newest state that is whole, from its pages where SQL does not lead to it."""
        found = None
        if self._connection is not None:
            with suppress(sqlite3.Error, ValueError, TypeError):
                found = state.load(self._connection)
        if found is not None and not found.positions_lost:
            return found
        scanned = [self._scan()] if os.access(self._path.parent, os.R_OK) else []
        return next((candidate for candidate in scanned if candidate is not None), None)

    def last_number(self) -> int | None:
        """Return the number of the newest record; None where it cannot be known for certain."""
        if self._connection is None:
            return None
        with suppress(sqlite3.Error, ValueError, TypeError):
            newest = self._connection.execute("SELECT max(number) FROM records").fetchone()[0]
            row = self._connection.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'records'"
            ).fetchone()
            return max(int(newest or 0), int(row[0]) if row else 0)
        return None

    def copy_memory(self, store: Store) -> list[str]:
        """Copy the memory of every owner that is whole; return the owners that are not."""
        connection = self._connection
        if connection is None:
            return ["*"]
        try:
            totals = memory.load_totals(connection)
        except (sqlite3.Error, ValueError, TypeError):
            return ["*"]
        lost = []
        for owner, expected in totals.items():
            store.connection.execute("SAVEPOINT owner")
            try:
                rows = page_through(lambda work: work(connection), owner)
                memory.copy(store.connection, store.totals, owner, rows, expected)
            except (sqlite3.Error, DamagedRow, ValueError, TypeError):
                store.connection.execute("ROLLBACK TO owner")
                store.totals.pop(owner, None)
                if not is_keeper(owner):  # what it remembers follows from other rows
                    lost.append(owner)
            store.connection.execute("RELEASE owner")
        with suppress(sqlite3.Error, ValueError, TypeError):
            texts.copy(connection, store, _TEXTS_COPIED_BYTES)
        return lost

    def copy_ingested(self, connection: sqlite3.Connection) -> None:
        """Copy the names of the incoming files that are in, as far as they can be read."""
        if self._connection is None:
            return
        with suppress(sqlite3.Error, ValueError, TypeError):
            for name, crc in self._connection.execute("SELECT id, crc FROM ingested"):
                if checksum("ingested", (name,)) == crc:
                    connection.execute("INSERT OR REPLACE INTO ingested (id, crc) VALUES (?, ?)", (name, crc))

    def _scan(self) -> State | None:
        found: list[State] = []
        with suppress(OSError), closing(PageFile(self._path)) as file:
            numbers = [*range(1, _PAGES_WITH_STATE + 1), *file.numbers_in_wal()]
            for number in dict.fromkeys(numbers):
                found += [parsed for row in rows_of(file, number) if (parsed := state.parse(row))]
        return max(found, key=lambda candidate: candidate.sequence, default=None)
