"""How the spool is doing, told from the database alone, so that any process can tell it."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from spool import contents, memory, refused_files, state
from spool.around_damage import AroundDamage
from spool.batch_reader import is_refusal
from spool.groups import Totals
from spool.options import DAY_SECONDS
from spool.record import Position
from spool.schema import DATABASE
from spool.state import Recovery, Standing, State
from spool.tables import RECORDS, RecordRow

T = TypeVar("T")

_BEFORE_ALL = Position(0, 0)
_ROOM_BYTES = 2048
"""What one more thing to remember may take."""


class DestinationStatus(NamedTuple):
    """One destination: what waits for it and what became of the rest; counts are of entries."""

    name: str
    waiting_events: int
    waiting_bytes: int
    """Of JSON, before compression."""
    oldest_waiting_time: int | None
    delivered_total: int
    rejected_total: int
    filtered_total: int
    dropped: dict[str, int]
    last_success: float | None
    dropped_lately: int = 0
    """What was dropped within the last day and nobody has acknowledged."""
    position: Position = _BEFORE_ALL
    waiting_since: float | None = None
    """When the first that waits was recorded; None where no trusted clock said so."""
    identity: str = ""


class SpoolStatus(NamedTuple):
    """The whole spool; `volatile` says why it is not where it was configured to be."""

    size_bytes: int
    max_size_bytes: int
    records: int
    events: int
    oldest_time: int | None
    rejected: int
    rejected_bytes: int
    memory_bytes: int
    """What is remembered, without the texts."""
    text_bytes: int
    texts_given_up: int
    """Remembered texts that had no room, ever."""
    destinations: tuple[DestinationStatus, ...]
    drops: dict[tuple[str, str], int]
    """By destination and reason."""
    recoveries: tuple[Recovery, ...] = ()
    """The damage found so far, the oldest first; only the last ones are kept."""
    unreadable: bool = False
    """Parts of the database could not be read, so that some of this may be missing or too low."""
    salvaging: bool = False
    volatile: str = ""
    refused_files: int = 0
    """Files of `incoming/` that could not be taken in, and are kept aside."""

    @property
    def is_memory_full(self) -> bool:
        """Whether there is no room to remember more: what is remembered has filled its half of the cap."""
        return self.memory_bytes + _ROOM_BYTES > self.max_size_bytes // 2 > 0


def read_status(
    connection: sqlite3.Connection, directory: Path, volatile: str = "", *, around_damage: bool = False
) -> SpoolStatus:
    """Return the status as of the last commit; costs the same however large the backlog is.

    With `around_damage` what SQLite cannot read is left out, and that is said; else it raises.
    """
    part = _Parts(around_damage)
    connection.execute("BEGIN")
    try:
        kept = part.of(lambda: state.load(connection), lambda: state.load_readable(connection)) or State()
        totals = part.of(lambda: memory.load_totals(connection, kept.long_bytes), dict[str, Totals])
        first = part.of(lambda: _edge(connection, "ASC"), lambda: _edge_around(connection, "ASC"))
        last = part.of(lambda: _edge(connection, "DESC"), lambda: _edge_around(connection, "DESC"))
        end_events = max(kept.total_events, last.events_before + last.count if last else 0)
        end_bytes = max(kept.total_bytes, last.bytes_before + last.length if last else 0)
        destinations = tuple(
            _destination(kept, standing, end_events, end_bytes, first_waiting)
            for standing in kept.attached()
            for first_waiting in (part.of(partial(_times_of, connection, standing.record), lambda: _UNKNOWN),)
        )
    finally:
        connection.execute("ROLLBACK")  # nothing was written; on a damaged database COMMIT can fail
    return SpoolStatus(
        size_bytes=directory_size_bytes(directory),
        max_size_bytes=kept.max_size_bytes,
        records=_count(kept, first, last),
        events=end_events - first.events_before if first else 0,
        oldest_time=first.first_time if first else None,
        rejected=kept.rejected_count,
        rejected_bytes=kept.rejected_bytes,
        memory_bytes=memory.stored_bytes(totals),
        text_bytes=sum(owner.text_bytes for owner in totals.values()),
        texts_given_up=kept.texts_given_up,
        destinations=destinations,
        drops={key: loss.count for key, loss in kept.losses.items() if loss.count},
        recoveries=tuple(map(Recovery.of, kept.recoveries)),
        unreadable=part.are_unreadable,
        salvaging=kept.salvage is not None,
        refused_files=refused_files.count(directory),
        volatile=volatile,
    )


def directory_size_bytes(directory: Path) -> int:
    """Return the size of everything under the spool's directory; it opens no file."""
    total = 0
    for path in chain([directory], contents.own(directory)):
        try:
            status = path.lstat()
        except OSError:
            continue
        total += status.st_size if path.name == DATABASE else max(status.st_size, status.st_blocks * 512)
    return total + contents.left_bytes(directory)


class _Parts:
    """Reads part after part; one that SQLite refuses is replaced by another way to it, where that is wanted."""

    def __init__(self, around_damage: bool) -> None:
        self._around_damage = around_damage
        self.are_unreadable = False

    def of(self, read: Callable[[], T], instead: Callable[[], T]) -> T:
        try:
            return read()
        except (sqlite3.Error, ValueError, TypeError) as error:
            if not self._around_damage or (isinstance(error, sqlite3.Error) and not is_refusal(error)):
                raise
            self.are_unreadable = True
            return instead()


_Times = tuple[int | None, float | None]
_UNKNOWN: _Times = (None, None)


def _times_of(connection: sqlite3.Connection, first: int) -> _Times:
    """Return when the first entry from a record on happened, and when it was recorded by a trusted clock."""
    found = connection.execute(
        "SELECT first_time, captured, clock_trusted FROM records WHERE number >= ? ORDER BY number LIMIT 1",
        (first,),
    ).fetchone()
    if not found or not isinstance(found[0], int):
        return _UNKNOWN
    return found[0], found[1] if isinstance(found[1], float) and found[2] else None


def _destination(
    kept: State, standing: Standing, end_events: int, end_bytes: int, first_waiting: _Times
) -> DestinationStatus:
    losses = [loss for loss in kept.losses.values() if loss.destination == standing.name and loss.count]
    return DestinationStatus(
        name=standing.name,
        waiting_events=max(0, end_events - standing.events_done),
        waiting_bytes=max(0, end_bytes - standing.bytes_done),
        oldest_waiting_time=first_waiting[0],
        delivered_total=standing.delivered,
        rejected_total=standing.rejected,
        filtered_total=standing.filtered,
        dropped={loss.reason: loss.count for loss in losses},
        last_success=standing.last_success,
        dropped_lately=sum(
            loss.count - loss.acknowledged
            for loss in losses
            if loss.at is not None and time.time() - loss.at < DAY_SECONDS
        ),
        position=standing.position,
        waiting_since=first_waiting[1],
        identity=standing.identity,
    )


def _edge(connection: sqlite3.Connection, order: str) -> RecordRow | None:
    """Return the row of the first whole record."""
    rows = connection.execute(f"{RECORDS.select} ORDER BY number {order} LIMIT 64")
    try:
        return _first_whole(rows)
    finally:
        rows.close()


def _edge_around(connection: sqlite3.Connection, order: str) -> RecordRow | None:
    """Return the same of the first record that can be read at all."""

    def fetch(first: int, before: int, limit: int) -> list[Sequence[Any]]:
        return connection.execute(
            f"{RECORDS.select} WHERE number >= ? AND number < ? ORDER BY number {order} LIMIT ?",
            (first, before, limit),
        ).fetchall()

    return _first_whole(AroundDamage(fetch, newest_first=order == "DESC").rows(1, 1 << 62))


def _first_whole(rows: Iterable[Sequence[Any]]) -> RecordRow | None:
    return next((row for values in rows if (row := RECORDS.whole(values))), None)


def _count(kept: State, first: RecordRow | None, last: RecordRow | None) -> int:
    """Return how many records there are, without the numbers that were left out after damage."""
    if first is None or last is None:
        return 0
    gaps = sum(until - start for start, until in kept.gaps if first.number < start and until <= last.number)
    return last.number - first.number + 1 - gaps
