"""Bring back what stands behind the damage of a -wal: SQLite stops at the first bad frame, and forgets the rest.

A transaction that was synced before a later one was written cannot be torn. So where whole transactions
follow a bad frame, that is damage and no power loss, and the rows behind it are kept by their own
checksums. A bad frame in the last transaction is what a power cut leaves: nobody was promised it.

It opens files plainly, so it must be done while SQLite has none of them open in this process.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from spool import memory, state
from spool.memory_rows import is_whole_row
from spool.repair.pages import PageFile, index_rows_in, rows_in
from spool.repair.wal_format import FIRST_BYTES, FRAME_HEADER_BYTES, HEADER_BYTES, STEP_BYTES, salts_of
from spool.schema import PAGE_BYTES
from spool.state import Recovery, State
from spool.store import Store
from spool.tables import RECORDS, RecordRow

_COPY = "wal-as-found"
_LOOKED_AT_BYTES = 16 * 1024 * 1024


class Behind:
    """Rows that stand behind the damage of a -wal."""

    def __init__(self) -> None:
        self.records: dict[int, RecordRow] = {}
        self.memory: dict[tuple[str, bytes], bytes] = {}
        self.state: State | None = None


class _Frame(NamedTuple):
    """Where a frame is, and whether a transaction ends with it."""

    offset: int
    ends_transaction: bool


def read(database: Path) -> bytes:
    """Return the -wal that a killed process left, before SQLite sees it; empty where there is none."""
    path = database.with_name(f"{database.name}-wal")
    try:
        return path.read_bytes() if path.stat().st_size <= _LOOKED_AT_BYTES else b""
    except OSError:
        return b""


def put_back(database: Path, data: bytes) -> None:
    """Have the -wal as it was read, unless it still is; no connection may be open.

    Raises OSError, with what is there untouched.
    """
    if not data or read(database) == data:
        return
    path = database.with_name(f"{database.name}-wal")
    copy = database.with_name(_COPY)
    try:
        copy.write_bytes(data)
        copy.replace(path)
    finally:
        copy.unlink(missing_ok=True)


def is_forgotten(data: bytes, accepted: int) -> bool:
    """Return whether there are whole transactions behind the frames that SQLite has accepted."""
    return any(frame.ends_transaction for frame in _frames(data)[accepted:])


def rows_behind_damage(database: Path, data: bytes, accepted: int) -> Behind | None:
    """Return what SQLite forgets although it was synced; None where it may be a torn end.

    It opens the database plainly: no connection may be open.
    """
    frames = _frames(data)
    ends = [index for index, frame in enumerate(frames) if index >= accepted and frame.ends_transaction]
    with closing(PageFile(database)) as file:
        # A power cut tears the last transaction, and only that: nothing was promised of it. One whole transaction behind
        # the bad frame may be the torn one's own end, since frames reach the disk in any order; a second one was begun
        # after the first was synced, so then it is damage. Two ends and no record in the bad part are the state and a
        # heartbeat: what a cut leaves, and worth nothing (docs/decisions/0003-sqlite-spool.md).
        bad = _rows(data, frames[accepted : ends[0] + 1], file)
        if len(ends) == 1 or (len(ends) == 2 and not bad.records):  # noqa: PLR2004 - the reason stands above
            return None
        return _rows(data, frames[accepted : ends[-1] + 1], file)


def restore(store: Store, behind: Behind, now: float) -> Recovery | None:
    """Put the rows back that the database lacks; return what there was to tell."""
    store.begin(durable=True)
    if behind.state is not None and behind.state.sequence > store.state.sequence:
        store.adopt(behind.state)
    missing = [row for number, row in sorted(behind.records.items()) if number > store.state.last_number]
    known = [row for number, row in sorted(behind.records.items()) if number <= store.state.last_number]
    cursor = store.connection.executemany(RECORDS.insert_missing, [*known, *missing])
    for (owner, key), value in behind.memory.items():
        memory.remember_stored(store.connection, store.totals, owner, key, value)
    store.keep_long_bytes()
    store.learn_the_end()
    recovery = Recovery(
        "the -wal is damaged",
        now,
        records_salvaged=cursor.rowcount,
        events_salvaged=sum(row.count for row in missing),
        finished=True,
    )
    store.state.note(recovery)
    store.touch()
    store.commit()
    return recovery


def _frames(data: bytes) -> list[_Frame]:
    """Return the frames of the -wal's present use, whatever their checksums say."""
    salts = salts_of(data[:FIRST_BYTES])
    frames: list[_Frame] = []
    for at in range(HEADER_BYTES, len(data) - STEP_BYTES + 1, STEP_BYTES):
        header = data[at : at + FRAME_HEADER_BYTES]
        if header[8:16] != salts and not _is_damaged_header(data, at, salts):
            break
        frames.append(_Frame(at + FRAME_HEADER_BYTES, header[4:8] != bytes(4)))
    return frames


def _is_damaged_header(data: bytes, at: int, salts: bytes) -> bool:
    """Return whether the next frame is of the present use again: then this one's header is damaged."""
    return data[at + STEP_BYTES + 8 : at + STEP_BYTES + 16] == salts


def _rows(data: bytes, frames: list[_Frame], file: PageFile) -> Behind:
    behind = Behind()
    for page in _pages(data, frames):
        for values in rows_in(page, file):
            if record := RECORDS.found(values):
                behind.records[record.number] = record
            elif (kept := state.parse(values)) and kept.sequence > (
                behind.state.sequence if behind.state else -1
            ):
                behind.state = kept
        for row in index_rows_in(page, file):
            if is_whole_row(row):
                behind.memory[(row[0], row[1])] = row[3]
    return behind


def _pages(data: bytes, frames: list[_Frame]) -> Iterator[bytes]:
    for frame in frames:
        yield data[frame.offset : frame.offset + PAGE_BYTES]
