"""Open the database whatever is in its files.

What SQLite refuses is moved aside whole: database, -wal and -shm together, into `damaged/<n>`. A fresh
database is made beside it with the positions, the totals and the memory that can still be read, and only
then renamed to its place; a crash at any point leaves work that the next start takes up. Its records
come back in the background (`spool.repair.salvage`). Nothing here looks through the whole file.
"""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from spool import failpoints, memory, schema, state, texts
from spool.batch_reader import is_refusal
from spool.errors import DamagedRow
from spool.incoming import sync_directory
from spool.repair import wal
from spool.repair.first_page import KEPT, put_first_page
from spool.repair.pages import PageFile, rows_of
from spool.schema import Schema
from spool.state import Recovery, Salvage, State
from spool.store import Store
from spool.table import checksum

DAMAGED = "damaged"
NEWER = "newer-schema"
OLDER = "older-schema"
_MADE_BY: dict[type[Exception], tuple[str, str]] = {
    schema.NewerSchemaError: (NEWER, "a later version"),
    schema.OlderSchemaError: (OLDER, "an earlier version"),
}
_INCOMPLETE = "incomplete"
_FRESH = "fresh.db"
_SUFFIXES = ("", "-wal", "-shm")
_PAGES_WITH_STATE = 64
_LEFT_OUT = 1 << 32
"""New records leave so many numbers out: none may meet one that the damage hid."""
_TEXTS_COPIED_BYTES = 16 * 1024 * 1024
"""A start waits for the copy: of the texts only the newest are worth it."""
_CANNOT_OPEN = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})

log = logging.getLogger(__name__)


def open_store(directory: Path, now: float, wanted: Schema) -> tuple[Store, Recovery | None]:
    """Open the database of `directory`, putting aside what cannot be used; what was found comes with it."""
    path = directory / schema.DATABASE
    reason = _reason_to_rebuild(directory)
    if reason is None:
        try:
            return _open_in_place(path, now, wanted)
        except (schema.NewerSchemaError, schema.OlderSchemaError) as error:
            place, maker = _MADE_BY[type(error)]
            aside = _move_aside(directory, place)
            log.warning("the spool in %s was made by %s: it is kept untouched in %s", directory, maker, aside)
            return Store(path, wanted), Recovery(f"{maker} made it", now, str(aside), finished=True)
        except (sqlite3.Error, ValueError, TypeError) as error:
            if isinstance(error, sqlite3.OperationalError) and not _is_unusable(error):
                raise
            reason = f"SQLite refuses it: {error}"
    return rebuild(directory, reason, now, wanted)


def _open_in_place(path: Path, now: float, wanted: Schema) -> tuple[Store, Recovery | None]:
    left = wal.read(path)
    try:
        _refuse_others(path, wanted)
        store = Store(path, wanted)
        accepted = store.accepted_frames() if left else 0
        if not wal.is_forgotten(left, accepted):
            return store, None
        # SQLite has begun to write over what it does not believe: it is looked at as it was found.
        store.close()
        wal.put_back(path, left)
        behind = wal.rows_behind_damage(path, left, accepted)
        return _with_rows(Store(path, wanted), behind, now)
    except (schema.NewerSchemaError, schema.OlderSchemaError):
        raise
    except (sqlite3.Error, ValueError, TypeError):
        with suppress(OSError):
            wal.put_back(path, left)
        raise


def _with_rows(store: Store, behind: wal.Behind | None, now: float) -> tuple[Store, Recovery | None]:
    if behind is None:
        return store, None
    try:
        return store, wal.restore(store, behind, now)
    except BaseException as error:
        store.close(error)
        raise


def rebuild(
    directory: Path, reason: str, now: float, wanted: Schema, known: State | None = None
) -> tuple[Store, Recovery]:
    """Move the files aside and go on with a fresh database; no connection to them may be open.

    `known` is the state as of the last commit, where the writer still has it in memory.
    """
    failpoints.reached("recovery.before")
    aside = _unfinished(directory) or _new_directory(directory)
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            (directory / f"{schema.DATABASE}{suffix}").rename(aside / f"{schema.DATABASE}{suffix}")
    sync_directory(aside)
    sync_directory(directory)
    failpoints.reached("recovery.moved")
    log.error("the spool in %s is damaged (%s): its files are in %s", directory, reason, aside)
    recovery = _make_fresh(directory, aside, Recovery(reason, now, str(aside)), wanted, known)
    (directory / _FRESH).rename(directory / schema.DATABASE)
    sync_directory(directory)
    failpoints.reached("recovery.copied")
    (aside / _INCOMPLETE).unlink(missing_ok=True)
    sync_directory(aside)
    store = Store(directory / schema.DATABASE, wanted)
    failpoints.reached("recovery.after")
    return store, recovery


def copies(directory: Path) -> list[Path]:
    """Return the directories with damaged files, oldest first."""
    with suppress(OSError):
        found = [path for path in (directory / DAMAGED).iterdir() if path.name.isdigit()]
        return sorted(found, key=lambda path: int(path.name))
    return []


def is_in_place(store: Store) -> bool:
    """Return whether the database that is open is still the one under its name."""
    try:
        return store.path.stat().st_ino == store.inode
    except OSError:
        return False


def put_back(directory: Path, store: Store) -> None:
    """Write the open database to its name again, after somebody removed it from there; it is closed."""
    fresh = directory / _FRESH
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh)) as target:
        store.connection.backup(target)
    store.close()
    for suffix in _SUFFIXES:
        (directory / f"{schema.DATABASE}{suffix}").unlink(missing_ok=True)
    fresh.rename(directory / schema.DATABASE)
    sync_directory(directory)


def forget_copies(directory: Path, keep_bytes: int, in_use: str) -> bool:
    """Remove the oldest damaged copies until the rest fits; the one in use stays. True if any went."""
    removed = False
    sizes = {path: sum(file.lstat().st_size for file in path.iterdir()) for path in copies(directory)}
    for path, size in list(sizes.items()):
        if sum(sizes.values()) <= keep_bytes:
            break
        if str(path) != in_use:
            remove_tree(path)
            del sizes[path]
            removed = removed or size > 0
    return removed


def remove_tree(directory: Path) -> None:
    """Remove a directory with all that is in it, as far as that goes."""
    import shutil  # brings bz2 and lzma

    shutil.rmtree(directory, ignore_errors=True)


def _reason_to_rebuild(directory: Path) -> str | None:
    path = directory / schema.DATABASE
    if (unfinished := _unfinished(directory)) is not None:
        if not path.exists():
            return "an earlier recovery was interrupted"
        # It was interrupted before the database was moved, or after the fresh one was in its place.
        (unfinished / _INCOMPLETE).unlink()
        with suppress(OSError):
            unfinished.rmdir()
    present = path.exists() and path.stat().st_size > 0
    wal = path.with_name(f"{path.name}-wal")
    if not present and wal.exists() and wal.stat().st_size > 0:
        return "the database is missing beside its -wal"
    if not path.is_file() and path.exists():
        return "the database is no regular file"
    return None


def _refuse_others(path: Path, wanted: Schema) -> None:
    if path.exists() and path.stat().st_size:
        with closing(schema.open_reader(path)) as connection:
            wanted.refuse_others(schema.version_of(connection))


def _is_unusable(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return (
        is_refusal(error) or code & 0xFF in _CANNOT_OPEN or code == 0 or code & 0xFF == sqlite3.SQLITE_ERROR
    )


def _unfinished(directory: Path) -> Path | None:
    return next((path for path in copies(directory) if (path / _INCOMPLETE).exists()), None)


def _new_directory(directory: Path, parent: str = DAMAGED) -> Path:
    root = directory / parent
    root.mkdir(mode=0o700, exist_ok=True)
    last = max((int(path.name) for path in root.iterdir() if path.name.isdigit()), default=0)
    aside = root / str(last + 1)
    aside.mkdir(mode=0o700)
    if parent == DAMAGED:
        (aside / _INCOMPLETE).touch()
    for made in (aside, root, directory):
        sync_directory(made)
    return aside


def _move_aside(directory: Path, parent: str) -> Path:
    aside = _new_directory(directory, parent)
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            (directory / f"{schema.DATABASE}{suffix}").rename(aside / f"{schema.DATABASE}{suffix}")
    sync_directory(aside)
    sync_directory(directory)
    return aside


def _make_fresh(
    directory: Path, aside: Path, recovery: Recovery, wanted: Schema, known: State | None
) -> Recovery:
    """Build the fresh database with what is copied at once, closed, so that it is one file."""
    fresh = directory / _FRESH
    for suffix in _SUFFIXES:
        fresh.with_name(f"{_FRESH}{suffix}").unlink(missing_ok=True)
    store = Store(fresh, wanted)
    try:
        store.begin(durable=True)
        with closing(_OldDatabase(aside / schema.DATABASE, wanted)) as old:
            kept = known or old.state()
            end = None if known else old.last_number()
            store.state = _state_for(kept, end, aside, recovery.time)
            lost = old.copy_memory(store)
            recovery = replace(recovery, positions_kept=kept is not None, memory_lost=tuple(lost))
            store.state.note(recovery)
            old.copy_ingested(store.connection)
        store.touch()
        store.commit()
    finally:
        store.close()
    return recovery


def _state_for(kept: State | None, end: int | None, aside: Path, now: float) -> State:
    fresh = kept or State(positions_lost=True)
    known = max([fresh.last_number, end or 0, *(standing.record for standing in fresh.standings.values())])
    if kept is None and end is None:
        known = max(0, int(now)) << 20
    fresh.last_number = known + _LEFT_OUT
    fresh.salvage = Salvage(
        copy=str(aside),
        bound=fresh.last_number + 1,
        frontier=0,
        blind=kept is None,
        events_at_bound=fresh.total_events,
        bytes_at_bound=fresh.total_bytes,
    )
    return fresh


class _OldDatabase:
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
                rows = memory.page_through(lambda work: work(connection), owner)
                memory.copy(store.connection, store.totals, owner, rows, expected)
            except (sqlite3.Error, DamagedRow, ValueError, TypeError):
                store.connection.execute("ROLLBACK TO owner")
                store.totals.pop(owner, None)
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
