"""What destinations refused for good: kept whole, to be shown, retried or discarded by a person.

It is bounded by bytes: the oldest give way, and that is counted as a drop. An entry leaves when the
destination accepts it after all, when a person discards it, or with age.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spool.batch import RejectedEntry, Rejection
from spool.record import EVENT
from spool.row_bytes import table_row_bytes
from spool.state import REJECTED_AGE, REJECTED_FULL
from spool.store import Store
from spool.tables import REJECTED, RejectedRow

_ROW_BYTES = 256
_PAGE_ROWS = 100


def keep(
    store: Store, destination: str, rejections: Sequence[Rejection], now: float, bound_bytes: int
) -> None:
    """Keep refused entries; they give way to each other above `bound_bytes`."""
    for rejection in rejections:
        origin = store.connection.execute(
            "SELECT first_time, hostname, kind FROM records WHERE number = ?", (rejection.position.record,)
        ).fetchone() or (int(now), "", EVENT)
        row = RejectedRow(
            id=0,
            crc=0,
            destination=destination,
            record=rejection.position.record,
            entry=rejection.position.entry,
            kind=origin[2],
            name=rejection.name,
            reason=rejection.reason,
            status=rejection.status,
            event_time=origin[0],
            rejected_at=float(now),
            hostname=origin[1],
            retrying=int(rejection.retrying),
            body=rejection.body,
        )
        REJECTED.append(store.connection, row)
        store.state.rejected_count += 1
        store.state.rejected_bytes += _size_of(len(rejection.body))
    while store.state.rejected_bytes > bound_bytes and make_way(store, now):
        pass
    store.touch()


def page(
    connection: sqlite3.Connection, after: int, *, retrying_for: str | None = None, limit: int = _PAGE_ROWS
) -> list[RejectedEntry]:
    """Return the next entries after an id, in order; damaged ones are left out."""
    entries: list[RejectedEntry] = []
    which, values = "", (after,)
    if retrying_for is not None:
        which, values = "AND retrying = 1 AND destination = ?", (after, retrying_for)  # type: ignore[assignment]
    while not entries:
        rows = connection.execute(
            f"{REJECTED.select} WHERE id > ? {which} ORDER BY id LIMIT ?",
            (*values, limit),
        ).fetchall()
        if not rows:
            break
        values = (rows[-1][0], *values[1:])
        entries = [entry for entry in map(entry_of, rows) if entry is not None]
    return entries


def rows(connection: sqlite3.Connection, first: int, before: int, limit: int) -> list[Any]:
    """Return rows of first <= id < before, in order, as they are stored."""
    return connection.execute(
        f"{REJECTED.select} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (first, before, limit),
    ).fetchall()


def ask_again(store: Store, ids: Iterable[int] | None) -> int:
    """Mark entries to be retried, all of them for None; return how many were: those whose destination there is."""
    chosen = _ids(store) if ids is None else ids
    return sum(_mark(store, number, retrying=True, reason=None) for number in chosen)


def settle(store: Store, number: int, *, accepted: bool, reason: str) -> None:
    """Take note of a retry: an accepted entry leaves, another stays with the new reason."""
    if not accepted:
        _mark(store, number, retrying=False, reason=reason or None)
        return
    row = store.connection.execute("SELECT destination FROM rejected WHERE id = ?", (number,)).fetchone()
    if row and _remove(store, number):
        standing = store.state.standings.get(str(row[0]))
        if standing:
            standing.rejected -= 1
            standing.delivered += 1


def rename(store: Store, names: Mapping[str, str]) -> None:
    """Have what one destination refused belong to another."""
    chosen = f"{REJECTED.select} WHERE destination IN ({', '.join('?' * len(names))})"
    for values in store.connection.execute(chosen, [*names]).fetchall():
        if row := REJECTED.whole(values):
            _rewrite(store, row._replace(destination=names[row.destination]))


def discard(store: Store, ids: Iterable[int] | None) -> int:
    """Forget entries, all of them for None; return how many there were."""
    chosen = _ids(store) if ids is None else ids
    return sum(_remove(store, number) for number in chosen)


def make_way(store: Store, now: float, reason: str = REJECTED_FULL) -> bool:
    """Drop the oldest entry and count it; False when there is none."""
    row = store.connection.execute(
        "SELECT id, destination, event_time FROM rejected ORDER BY id LIMIT 1"
    ).fetchone()
    if row is None:
        store.state.rejected_count = store.state.rejected_bytes = 0
        return False
    _remove(store, row[0])
    store.state.lose(str(row[1]), reason, 1, *_times(row[2], now))
    return True


def expire(store: Store, cutoff: float, now: float) -> bool:
    """Drop the oldest entry if it was refused before `cutoff`; return whether it was."""
    row = store.connection.execute("SELECT rejected_at FROM rejected ORDER BY id LIMIT 1").fetchone()
    return bool(row) and _before(row[0], cutoff) and make_way(store, now, REJECTED_AGE)


def recount(store: Store) -> None:
    """Count all entries anew, inside the open transaction."""
    sizes = [row[0] or 0 for row in store.connection.execute("SELECT length(body) FROM rejected").fetchall()]
    store.state.rejected_count, store.state.rejected_bytes = len(sizes), sum(map(_size_of, sizes))


def entry_of(values: Sequence[Any]) -> RejectedEntry | None:
    """Return the entry of a row, None where it is not as it was stored."""
    row = REJECTED.whole(values)
    if row is None:
        return None
    return RejectedEntry(
        id=row.id,
        destination=row.destination,
        kind=row.kind,
        name=row.name,
        body=row.body,
        reason=row.reason,
        status=row.status,
        event_time=row.event_time,
        rejected_at=row.rejected_at,
        hostname=row.hostname,
        retrying=bool(row.retrying),
    )


def _mark(store: Store, number: int, *, retrying: bool, reason: str | None) -> int:
    row = store.connection.execute(f"{REJECTED.select} WHERE id = ?", (number,)).fetchone()
    found = REJECTED.whole(row or ())
    if found is None or (retrying and not store.state.is_attached(found.destination)):
        return 0
    reason = found.reason if reason is None else reason
    _rewrite(store, found._replace(reason=reason, retrying=int(retrying)))
    return 1


def _rewrite(store: Store, row: RejectedRow) -> None:
    store.connection.execute(
        "UPDATE rejected SET destination = ?, reason = ?, retrying = ?, crc = ? WHERE id = ?",
        (row.destination, row.reason, row.retrying, REJECTED.checksum(row), row.id),
    )


def _remove(store: Store, number: int) -> int:
    row = store.connection.execute("SELECT length(body) FROM rejected WHERE id = ?", (number,)).fetchone()
    if row is None:
        return 0
    store.connection.execute("DELETE FROM rejected WHERE id = ?", (number,))
    store.state.rejected_count = max(0, store.state.rejected_count - 1)
    store.state.rejected_bytes = max(0, store.state.rejected_bytes - _size_of(row[0] or 0))
    store.touch()
    return 1


def _size_of(body_bytes: int) -> int:
    return table_row_bytes(body_bytes + _ROW_BYTES)


def _ids(store: Store) -> list[int]:
    return [int(row[0]) for row in store.connection.execute("SELECT id FROM rejected ORDER BY id").fetchall()]


def _times(value: object, now: float) -> tuple[float, float]:
    time = float(value) if isinstance(value, int | float) else now
    return time, time


def _before(value: object, cutoff: float) -> bool:
    return not isinstance(value, int | float) or value < cutoff
