"""How much of the spool one origin takes: what nobody has taken yet. It reads no record's bytes."""

import sqlite3

_ROW_BYTES = 512


def waiting_bytes(connection: sqlite3.Connection, first: int, origin: str) -> int:
    """Return the size of the records of `origin` from number `first` on."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(length(deflated)), 0) FROM records WHERE number >= ? AND origin = ?",
        (first, origin),
    ).fetchone()
    return int(row[0]) * _ROW_BYTES + int(row[1])
