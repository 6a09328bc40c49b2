"""Set single rows aside that do not match their checksum, and say so."""

from itertools import accumulate

from spool import memory, positions
from spool.row_bytes import table_row_bytes
from spool.state import Recovery
from spool.store import Store
from spool.tables import SET_ASIDE, SetAsideRow

_KEPT_ROWS = 100
_KEPT_BYTES = 512 * 1024
"""Of all of them: a sixteenth of the smallest cap."""


def set_records_aside(store: Store, numbers: list[int], now: float) -> None:
    """Move damaged records out of the way inside the open transaction."""
    for number in sorted(numbers):
        row = store.connection.execute("SELECT deflated FROM records WHERE number = ?", (number,)).fetchone()
        if row is None:
            continue
        blob = row[0] if isinstance(row[0], bytes) and len(row[0]) <= _KEPT_BYTES else b""
        SET_ASIDE.append(store.connection, SetAsideRow(0, 0, "records", str(number), float(now), blob))
        store.connection.execute("DELETE FROM records WHERE number = ?", (number,))
        positions.step_over(store, number, now)
    _keep_the_last(store)
    store.keep_the_end()
    _note(store, Recovery(f"{len(numbers)} records did not match their checksum", now, finished=True))


def _keep_the_last(store: Store) -> None:
    """Forget what was set aside first, up to what may be kept: nothing that waits gives way to it."""
    rows = store.connection.execute("SELECT id, length(row) FROM set_aside ORDER BY id DESC").fetchall()
    taken_bytes = accumulate(table_row_bytes(size_bytes or 0) for _, size_bytes in rows)
    for count, ((number, _), so_far) in enumerate(zip(rows, taken_bytes, strict=True)):
        if count >= _KEPT_ROWS or so_far > _KEPT_BYTES:
            store.connection.execute("DELETE FROM set_aside WHERE id <= ?", (number,))
            return


def forget_damaged_memory(store: Store, owner: str, now: float) -> None:
    """Forget an owner's memory whole, inside the open transaction."""
    memory.forget(store.connection, store.totals, owner)
    store.keep_long_bytes()
    _note(store, Recovery("memory did not match its checksum", now, memory_lost=(owner,), finished=True))


def _note(store: Store, recovery: Recovery) -> None:
    store.state.note(recovery)
    store.touch()
