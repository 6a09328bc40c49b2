"""What a row takes by arithmetic, held against the pages that SQLite takes for it."""

import random
import sqlite3
from contextlib import closing

import pytest

from spool import schema
from spool.row_bytes import ROW_BYTES, long_bytes, table_row_bytes

_SIZES = (
    100,
    200,
    300,
    401,
    500,
    600,
    700,
    800,
    900,
    977,
    1000,
    1020,
    1300,
    2000,
    4000,
    4600,
    5000,
    6000,
    9000,
)
_ROWS = 600


def taken_bytes(insert, rows):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.executescript(schema.TABLES)
        (before,) = database.execute("PRAGMA page_count").fetchone()
        database.executemany(insert, rows)
        (after,) = database.execute("PRAGMA page_count").fetchone()
    return (after - before) * schema.PAGE_BYTES


@pytest.mark.parametrize("is_in_order", [True, False])
@pytest.mark.parametrize("size_bytes", _SIZES)
def test_what_is_remembered_takes_about_what_is_counted(size_bytes, is_in_order):
    numbers = [*range(_ROWS)]
    if not is_in_order:
        random.Random(1).shuffle(numbers)
    rows = [("files", b"%06d" % number + bytes(size_bytes - 66), 1 << 31, bytes(60)) for number in numbers]
    taken = taken_bytes("INSERT INTO memory (owner, key, crc, value) VALUES (?, ?, ?, ?)", rows)
    counted = _ROWS * (size_bytes + ROW_BYTES) + long_bytes([size_bytes] * _ROWS)
    assert 0.7 * counted < taken < 1.25 * counted


@pytest.mark.parametrize("size_bytes", [*_SIZES, 40_000])
def test_a_row_of_a_table_takes_no_more_than_twice_what_is_counted(size_bytes):
    rows = [(number, bytes(size_bytes)) for number in range(_ROWS)]
    taken = taken_bytes("INSERT INTO set_aside (id, row) VALUES (?, ?)", rows)
    assert 0.5 * _ROWS * table_row_bytes(size_bytes) < taken < 2 * _ROWS * table_row_bytes(size_bytes)
