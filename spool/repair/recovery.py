"""Open the database whatever is in its files.

What SQLite refuses is moved aside whole: database, -wal and -shm together, into `damaged/<n>`. A fresh
database is made beside it with the positions, the totals and the memory that can still be read, and only
then renamed to its place; a crash at any point leaves work that the next start takes up. Its records
come back in the background (`spool.repair.salvage`). Nothing here looks through the whole file.
"""

import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from spool import failpoints, schema
from spool.batch_reader import is_refusal
from spool.incoming import sync_directory
from spool.repair import wal
from spool.repair.aside import INCOMPLETE, NEWER, OLDER, SUFFIXES, move_aside, new_directory, unfinished
from spool.repair.old_database import OldDatabase
from spool.schema import Schema
from spool.state import Recovery, Salvage, State
from spool.store import Store

_MADE_BY: dict[type[Exception], tuple[str, str]] = {
    schema.NewerSchemaError: (NEWER, "a later version"),
    schema.OlderSchemaError: (OLDER, "an earlier version"),
}
_FRESH = "fresh.db"
_LEFT_OUT = 1 << 32
"""New records leave so many numbers out: none may meet one that the damage hid."""
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
            aside = new_directory(directory, place)
            move_aside(directory, aside)
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
    aside = unfinished(directory) or new_directory(directory)
    move_aside(directory, aside)
    failpoints.reached("recovery.moved")
    log.error("the spool in %s is damaged (%s): its files are in %s", directory, reason, aside)
    recovery = _make_fresh(directory, aside, Recovery(reason, now, str(aside)), wanted, known)
    (directory / _FRESH).rename(directory / schema.DATABASE)
    sync_directory(directory)
    failpoints.reached("recovery.copied")
    (aside / INCOMPLETE).unlink(missing_ok=True)
    sync_directory(aside)
    store = Store(directory / schema.DATABASE, wanted)
    failpoints.reached("recovery.after")
    return store, recovery


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
    for suffix in SUFFIXES:
        (directory / f"{schema.DATABASE}{suffix}").unlink(missing_ok=True)
    fresh.rename(directory / schema.DATABASE)
    sync_directory(directory)


def _reason_to_rebuild(directory: Path) -> str | None:
    path = directory / schema.DATABASE
    if (begun := unfinished(directory)) is not None:
        if not path.exists():
            return "an earlier recovery was interrupted"
        # It was interrupted before the database was moved, or after the fresh one was in its place.
        (begun / INCOMPLETE).unlink()
        with suppress(OSError):
            begun.rmdir()
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


def _make_fresh(
    directory: Path, aside: Path, recovery: Recovery, wanted: Schema, known: State | None
) -> Recovery:
    """Build the fresh database with what is copied at once, closed, so that it is one file."""
    fresh = directory / _FRESH
    for suffix in SUFFIXES:
        fresh.with_name(f"{_FRESH}{suffix}").unlink(missing_ok=True)
    store = Store(fresh, wanted)
    try:
        store.begin(durable=True)
        with closing(OldDatabase(aside / schema.DATABASE, wanted)) as old:
            kept = known or old.state()
            end = None if known else old.last_number()
            store.state = _state_for(kept, end, aside, recovery.time)
            lost = old.copy_memory(store)
            recovery = recovery._replace(positions_kept=kept is not None, memory_lost=tuple(lost))
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
    fresh.long_bytes = None
    fresh.salvage = Salvage(
        copy=str(aside),
        bound=fresh.last_number + 1,
        frontier=0,
        blind=kept is None,
        events_at_bound=fresh.total_events,
        bytes_at_bound=fresh.total_bytes,
    )
    return fresh
