"""The database: its tables, how it is opened, and how an older one is brought up.

Every table's rows carry a CRC-32 (`spool.table`). Nothing here decides what is done about a database
that SQLite refuses: it raises, and `spool.repair.recovery` moves it aside.
"""

import gc
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NamedTuple

from spool import failpoints
from spool.tables import RECORDS, REJECTED, SET_ASIDE

DATABASE = "spool.db"
_APPLICATION = 0x5354_5300
PAGE_BYTES = 4096
BUSY_MILLISECONDS = 10_000

sqlite3.register_adapter(bytes, bytes.__bytes__)
"""Without one, each value of bytes is asked in vain how it adapts itself."""

TABLES = f"""
{RECORDS.create}{REJECTED.create}{SET_ASIDE.create}CREATE TABLE IF NOT EXISTS state_a (slot INTEGER PRIMARY KEY, sequence INTEGER, document TEXT, crc INTEGER);
CREATE TABLE IF NOT EXISTS state_b (slot INTEGER PRIMARY KEY, sequence INTEGER, document TEXT, crc INTEGER);
CREATE TABLE IF NOT EXISTS memory (
    owner TEXT, key BLOB, crc INTEGER, value BLOB, PRIMARY KEY (owner, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
    owner TEXT PRIMARY KEY, count INTEGER, bytes INTEGER, digest INTEGER, text_bytes INTEGER, crc INTEGER)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, crc INTEGER, owner TEXT, key BLOB, text BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS texts_by_key ON texts (owner, key);
CREATE INDEX IF NOT EXISTS rejected_retrying ON rejected (destination) WHERE retrying = 1;
CREATE TABLE IF NOT EXISTS ingested (id TEXT PRIMARY KEY, crc INTEGER) WITHOUT ROWID;
"""


_NUMBERED_BY_US = """
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql, ' AUTOINCREMENT', '') WHERE type = 'table' AND name = 'records';
PRAGMA writable_schema = RESET;
"""
"""Records get their numbers from `spool.state`: SQLite's own counter would cost each append a second page
(docs/decisions/0092-records-are-numbered-by-us.md). It changes nothing that is stored."""


class Schema(NamedTuple):
    """What a database is to look like; tests hand in another one than `SCHEMA`."""

    version: int
    tables: str
    """The statements that make a new one."""
    migrations: Mapping[int, str] = MappingProxyType({})
    """Statements that bring a database of the version that is the key to the next one."""
    synchronous: str = "FULL"
    """Each commit is on the disk when it returns; with less, a power loss takes back what was promised."""

    def layout(self) -> frozenset[tuple[str, str, int, str | None]]:
        """Return the layout that a new one has; every migration must leave it as it is and add to it."""
        return _layout_made_by(self.tables)

    def refuse_others(self, version: int) -> None:
        """Raise unless a database of this version is ours, or can be brought up to be."""
        if version > self.version:
            raise NewerSchemaError
        if version and not self.migrations.keys() >= set(range(version, self.version)):
            raise OlderSchemaError


SCHEMA = Schema(4, TABLES + _NUMBERED_BY_US, {3: _NUMBERED_BY_US})


class NewerSchemaError(Exception):
    """The database was made by a later version of this program: not damage, and not ours to change."""


class OlderSchemaError(Exception):
    """The database was made by an earlier version, and nothing says how to bring it up: kept as it is."""


class UnknownSchemaError(sqlite3.DatabaseError):
    """A database without our tables."""


def open_writer(path: Path, wanted: Schema) -> sqlite3.Connection:
    """Open or make the database for the one writer; raises what SQLite raises."""
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_MILLISECONDS / 1000,
        cached_statements=64,
    )
    try:
        # auto_vacuum counts only before the first page is written, so it stands before the -wal.
        for pragma in (
            f"page_size = {PAGE_BYTES}",
            "auto_vacuum = INCREMENTAL",
            "journal_mode = WAL",
            f"synchronous = {wanted.synchronous}",
            "wal_autocheckpoint = 0",
            "secure_delete = OFF",
            "cell_size_check = ON",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _bring_up(connection, wanted)
    except BaseException as error:
        close(connection, error)
        raise
    return connection


def close(connection: sqlite3.Connection, because: BaseException | None = None) -> None:
    """Close a connection now, not when an error is forgotten.

    A cursor that the traceback of an error keeps alive puts the real end of a connection off; it would then
    unlink the -wal by its name, which may be another database's by then. So those go first.
    """
    if because is not None:
        error: BaseException | None = because
        while error is not None:
            _let_go(error.__traceback__)
            error = error.__context__
        gc.collect()
    connection.close()


def _let_go(traceback: TracebackType | None) -> None:
    """Have no frame hold what it worked with; one that still runs goes on."""
    while traceback is not None:
        with suppress(RuntimeError):
            traceback.tb_frame.clear()
        traceback = traceback.tb_next


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the database for reading only; it must exist."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MILLISECONDS / 1000
    )
    connection.execute("PRAGMA cell_size_check = ON").fetchall()
    return connection


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema's version; 0 where there is none yet. It stands in the header twice.

    Raises `UnknownSchemaError` where the two differ: a flipped bit must not look like a later version.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    again = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if again != (_APPLICATION + version if version else 0):
        raise UnknownSchemaError("the version of the schema is damaged")
    return version


def layout_of(connection: sqlite3.Connection) -> set[tuple[str, str, int, str | None]]:
    """Return what the schema says: type, name, root page and statement of everything."""
    rows = connection.execute("SELECT type, name, rootpage, sql FROM sqlite_master").fetchall()
    return {(kind, name, root, statement) for kind, name, root, statement in rows}


@cache
def _layout_made_by(tables: str) -> frozenset[tuple[str, str, int, str | None]]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.executescript(tables)
        return frozenset(layout_of(connection))
    finally:
        connection.close()


def version_statements(version: int) -> str:
    """Return the statements that write the version into the header."""
    return f"PRAGMA user_version = {version}; PRAGMA application_id = {_APPLICATION + version};"


def _bring_up(connection: sqlite3.Connection, wanted: Schema) -> None:
    version = version_of(connection)
    wanted.refuse_others(version)
    layout = layout_of(connection)
    if version == wanted.version and not layout >= wanted.layout():
        raise UnknownSchemaError("the schema is damaged")
    if not version and layout:
        raise UnknownSchemaError("the database is none of ours")
    if version == wanted.version:
        return
    failpoints.reached("schema.before")
    steps = (
        [wanted.migrations[step] for step in range(version, wanted.version)] if version else [wanted.tables]
    )
    connection.executescript(
        f"BEGIN IMMEDIATE; {''.join(steps)} {version_statements(wanted.version)} COMMIT;"
    )
    failpoints.reached("schema.after")
