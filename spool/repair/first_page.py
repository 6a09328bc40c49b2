"""Give a database whose first page is lost another one, so that SQLite reads the rest.

Our tables are always made in the same order, so their roots lie in the same pages of every database;
only the list of free pages is lost with the page, and a reader does not need it. It changes a copy that
was moved aside, which no connection has open, and keeps what stood there beside it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from spool.schema import PAGE_BYTES, Schema, version_statements

KEPT = "first-page"
_WAL_FORMAT = b"\x02\x02"
_FORMAT_AT = 18
_FREE_LIST_AT = 32
_VALID_FOR_AT = 92


def first_page(wanted: Schema) -> bytes:
    """Return the first page of a database with our tables and nothing else."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.executescript(f"{wanted.tables} {version_statements(wanted.version)}")
        page = bytearray(connection.serialize()[:PAGE_BYTES])
    page[_FORMAT_AT : _FORMAT_AT + 2] = _WAL_FORMAT
    page[_FREE_LIST_AT : _FREE_LIST_AT + 8] = bytes(8)
    # Other than the change counter: then SQLite takes the number of pages from the size of the file.
    page[_VALID_FOR_AT : _VALID_FOR_AT + 4] = b"\xff\xff\xff\xff"
    return bytes(page)


def put_first_page(database: Path, wanted: Schema) -> None:
    """Replace the first page of a database that was moved aside; raises OSError."""
    with database.open("r+b") as file:
        lost = file.read(PAGE_BYTES)
        (database.parent / KEPT).write_bytes(lost)
        file.seek(0)
        file.write(first_page(wanted))
