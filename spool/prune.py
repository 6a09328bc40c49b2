"""What can wait: records too old to keep, pages given back to the file system, the checkpoint.

Everything is done in small slices, each one transaction, so that an append waits for one slice at
most. Without a clock that can be trusted nothing is too old.
"""

import sqlite3
from contextlib import suppress

from spool import failpoints, positions, rejected, reserve
from spool.cap import Cap, delete_before
from spool.moment import Moment
from spool.options import Options
from spool.schema import BUSY_MILLISECONDS
from spool.state import AGE, DISK_FULL
from spool.store import Store

_ROWS_A_SLICE = 500
_PAGES_A_SLICE = 256
_GIVE_WAY_PAGES = 128


def expire_slice(store: Store, options: Options, now: Moment) -> bool:
    """Delete one slice of what is too old, inside the open transaction; return whether there is more."""
    failpoints.reached("prune.before")
    state = store.state
    last = state.last_number + 1
    needed = state.oldest_needed()
    kept_seconds = options.max_age_seconds if needed is None else options.keep_delivered_seconds
    history = min(last if needed is None else needed, last)
    delivered = _first_kept(store, min(kept_seconds, options.max_age_seconds), now, history)
    if delivered is not None:
        delete_before(store, delivered)
    expired = _first_kept(store, options.max_age_seconds, now, last)
    if expired is not None:
        positions.pass_over(store, expired, AGE, now.wall)
        delete_before(store, expired)
    refused = rejected.expire(store, now.wall - options.max_age_seconds, now.wall)
    failpoints.reached("prune.after")
    return delivered is not None or expired is not None or refused


def shrink_slice(store: Store, cap: Cap, now: float) -> bool:
    """Bring a database above its cap one slice nearer to it; return whether there is more to do.

    It opens its own transactions.
    """
    excess = cap.excess_pages(store)
    if excess <= 0:
        return False
    wanted = min(excess, _PAGES_A_SLICE)
    store.begin(durable=True)
    gave_way = True
    while gave_way and _free_pages(store) < wanted:
        gave_way = cap.give_way(store, _PAGES_A_SLICE, "full", now)
    store.commit()
    give_back_slice(store, wanted)
    return cap.excess_pages(store) < excess


def give_back_slice(store: Store, pages: int = _PAGES_A_SLICE) -> bool:
    """Give some free pages back to the file system; return whether there were any."""
    if not _free_pages(store):
        return False
    failpoints.reached("vacuum.before")
    # Python steps a statement once, which frees one page; a script is run to its end.
    store.connection.executescript(f"PRAGMA incremental_vacuum({pages});")
    checkpoint(store)
    failpoints.reached("vacuum.after")
    return True


def checkpoint(store: Store, mode: str = "PASSIVE") -> bool:
    """Write the -wal into the database; return whether all of it is there."""
    failpoints.reached("checkpoint.before")
    busy, written, copied = store.connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    failpoints.reached("checkpoint.after")
    return not busy and written == copied


def truncate_wal(store: Store) -> None:
    """Give the space of the -wal back, unless somebody is reading."""
    checkpoint(store)
    store.connection.execute("PRAGMA busy_timeout = 0")
    try:
        checkpoint(store, "TRUNCATE")
    finally:
        store.connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")


def has_much_free(store: Store) -> bool:
    """Return whether a quarter of the database is free pages that nobody is about to use."""
    free = _free_pages(store)
    total = int(store.connection.execute("PRAGMA page_count").fetchone()[0])
    return free > _PAGES_A_SLICE and free > total // 4


def make_space(store: Store, cap: Cap, now: float) -> bool:
    """Make room on a full disk: from the reserve first; when that is gone, something gives way, and True is returned.

    It opens its own transaction.
    """
    released = reserve.release(cap.directory)
    with suppress(sqlite3.Error):
        checkpoint(store)
    if released:
        return False
    gave_way = False
    with suppress(sqlite3.Error):
        store.begin(durable=True)
        cap.give_way(store, _GIVE_WAY_PAGES, DISK_FULL, now)
        store.commit()
        gave_way = True
    if store.connection.in_transaction:
        store.rollback()
    with suppress(sqlite3.Error):
        give_back_slice(store, _GIVE_WAY_PAGES)
    return gave_way


def restore_reserve(cap: Cap) -> None:
    """Make the reserve again once the disk has room for it."""
    if reserve.make(cap.directory, cap.reserve_bytes):
        cap.refresh()


def _first_kept(store: Store, kept_seconds: float, now: Moment, before: int) -> int | None:
    """Return the record up to which all is older than `kept_seconds`; None when nothing is.

    One whose age no clock can tell goes with the next one that is old for certain.
    """
    rows = store.connection.execute(
        "SELECT number, captured, clock_trusted, boottime, boot_id FROM records WHERE number < ? ORDER BY number",
        (before,),
    )
    first_kept = None
    looked_at = 0
    try:
        for number, captured, trusted, boottime, boot_id in rows:
            looked_at += 1
            age = now.age_seconds(captured, trusted=bool(trusted), boottime=boottime, boot_id=boot_id)
            if age is None:
                continue
            if age <= kept_seconds or (first_kept is not None and looked_at > _ROWS_A_SLICE):
                break
            first_kept = number + 1
    finally:
        rows.close()
    return first_kept


def _free_pages(store: Store) -> int:
    return int(store.connection.execute("PRAGMA freelist_count").fetchone()[0])
