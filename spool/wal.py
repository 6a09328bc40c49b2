"""Look into a -wal before SQLite does: it stops at the first frame that is damaged, and forgets the rest.

A transaction that was synced before a later one was written cannot be torn. So where whole transactions
follow a bad frame, that is damage and no power loss, and the rows behind it are kept by their own
checksums. A bad frame in the last transaction is what a power cut leaves: nobody was promised it.

It opens the file plainly, so it must be done before SQLite opens the database in this process.
"""

import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spool import memory, state
from spool.frames import FIRST_BYTES, FRAME_HEADER_BYTES, HEADER_BYTES, STEP_BYTES, add, read_header
from spool.pages import PageFile, index_rows_in, real_columns_as_floats, rows_in
from spool.recovery_values import Recovery
from spool.row import INSERT_RECORD, record_is_whole
from spool.schema import PAGE_BYTES
from spool.state import State
from spool.store import Store

_LOOKED_AT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Behind:
    """Rows that stand behind the damage of a -wal."""

    records: dict[int, list[Any]] = field(default_factory=dict)
    memory: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    state: State | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    offset: int
    ends_transaction: bool


def rows_behind_damage(database: Path) -> Behind | None:
    """Return what SQLite is going to forget although it was synced; None where there is no such thing."""
    path = database.with_name(f"{database.name}-wal")
    try:
        if not HEADER_BYTES < path.stat().st_size <= _LOOKED_AT_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    frames, valid = _frames(data)
    ends = [index for index, frame in enumerate(frames) if frame.ends_transaction]
    if not ends or valid > ends[-1]:
        return None
    after_bad = [end for end in ends if end >= valid]
    with closing(PageFile(database)) as file:
        bad = _rows(data, frames[valid : after_bad[0] + 1], file)
        if len(after_bad) == 1 or (len(after_bad) == 2 and not bad.records):  # noqa: PLR2004 - see above
            return None
        return _rows(data, frames[valid : ends[-1] + 1], file)


def restore(store: Store, behind: Behind, now: float) -> Recovery | None:
    """Put the rows back that the database lacks; return what there was to tell."""
    store.begin(durable=True)
    if behind.state is not None and behind.state.sequence > store.state.sequence:
        store.adopt(behind.state)
    missing = [row for number, row in sorted(behind.records.items()) if number > store.state.last_number]
    known = [row for number, row in sorted(behind.records.items()) if number <= store.state.last_number]
    cursor = store.connection.executemany(
        INSERT_RECORD.replace("INSERT", "INSERT OR IGNORE", 1), [*known, *missing]
    )
    for (owner, key), value in behind.memory.items():
        memory.remember_stored(store.connection, store.totals, owner, key, value)
    store.learn_the_end()
    recovery = Recovery(
        "the -wal is damaged",
        now,
        records_salvaged=cursor.rowcount,
        events_salvaged=sum(row[3] for row in missing),
        finished=True,
    )
    store.state.recoveries = [*store.state.recoveries[-15:], asdict(recovery)]
    store.touch()
    store.commit()
    return recovery


def _frames(data: bytes) -> tuple[list[_Frame], int]:
    """Return the frames of the -wal's present use, and how many of them SQLite will accept."""
    order, sums, salts = read_header(data[:FIRST_BYTES])
    words = struct.Struct(f"{order}{PAGE_BYTES // 4}I")
    frames: list[_Frame] = []
    valid = 0
    for at in range(HEADER_BYTES, len(data) - STEP_BYTES + 1, STEP_BYTES):
        header = data[at : at + FRAME_HEADER_BYTES]
        if header[8:16] != salts and not _is_damaged_header(data, at, salts):
            break
        frames.append(_Frame(at + FRAME_HEADER_BYTES, header[4:8] != bytes(4)))
        if sums is not None and valid == len(frames) - 1:
            sums = add(struct.unpack(f"{order}2I", header[:8]), sums)
            sums = add(words.unpack_from(data, at + FRAME_HEADER_BYTES), sums)
            valid += header[8:16] == salts and sums == struct.unpack(">2I", header[16:24])
    return frames, valid


def _is_damaged_header(data: bytes, at: int, salts: bytes) -> bool:
    """Return whether the next frame is of the present use again: then this one's header is damaged."""
    return data[at + STEP_BYTES + 8 : at + STEP_BYTES + 16] == salts


def _rows(data: bytes, frames: list[_Frame], file: PageFile) -> Behind:
    behind = Behind()
    for page in _pages(data, frames):
        for row in rows_in(page, file):
            real_columns_as_floats(row)
            if record_is_whole(row):
                behind.records[row[0]] = row
            elif (kept := state.parse_row(row)) and kept.sequence > (
                behind.state.sequence if behind.state else -1
            ):
                behind.state = kept
        for row in index_rows_in(page, file):
            if memory.is_whole_row(row):
                behind.memory[(row[0], row[1])] = row[3]
    return behind


def _pages(data: bytes, frames: list[_Frame]) -> Iterator[bytes]:
    for frame in frames:
        yield data[frame.offset : frame.offset + PAGE_BYTES]
