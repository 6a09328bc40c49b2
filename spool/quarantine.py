"""Set single rows aside that do not match their checksum, and say so."""

from spool import memory, positions
from spool.state import Recovery
from spool.store import Store
from spool.tables import SET_ASIDE, SetAsideRow

_KEPT_ROWS = 100
_KEPT_BYTES = 1024 * 1024


def set_records_aside(store: Store, numbers: list[int], now: float) -> None:
    """Move damaged records out of the way inside the open transaction."""
    for number in sorted(numbers):
        row = store.connection.execute("SELECT deflated FROM records WHERE number = ?", (number,)).fetchone()
        if row is None:
            continue
        blob = row[0] if isinstance(row[0], bytes) and len(row[0]) <= _KEPT_BYTES else b""
        kept = SET_ASIDE.append(store.connection, SetAsideRow(0, 0, "records", str(number), float(now), blob))
        store.connection.execute("DELETE FROM set_aside WHERE id <= ?", (kept - _KEPT_ROWS,))
        store.connection.execute("DELETE FROM records WHERE number = ?", (number,))
        positions.step_over(store, number, now)
    store.keep_the_end()
    _note(store, Recovery(f"{len(numbers)} records did not match their checksum", now, finished=True))


def forget_damaged_memory(store: Store, owner: str, now: float) -> None:
    """Forget an owner's memory whole, inside the open transaction."""
    memory.forget(store.connection, store.totals, owner)
    store.keep_long_bytes()
    _note(store, Recovery("memory did not match its checksum", now, memory_lost=(owner,), finished=True))


def _note(store: Store, recovery: Recovery) -> None:
    store.state.note(recovery)
    store.touch()
