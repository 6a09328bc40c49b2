"""What is kept for destinations: appended, read in order, acknowledged."""

import sqlite3
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from spool import failpoints, incoming, memory, positions, quarantine, rejected
from spool import texts as spool_texts
from spool.batch import Batch, Rejection
from spool.batch_reader import Damage, collect
from spool.calls.positions import EVENTS, Positions
from spool.codec import from_record
from spool.engine import Engine
from spool.errors import SpoolError
from spool.record import ROW_BYTES, Position, Record, stored_bytes
from spool.schema import PAGE_BYTES
from spool.state import DISK_FULL
from spool.store import Store

_UNBOUNDED = 1 << 62
keep_rejected = rejected.keep  # `rejected` is also a parameter's name


class Records:
    """The records of one spool."""

    def __init__(self, engine: Engine, positions: Positions) -> None:
        self._engine = engine
        self._positions = positions

    def append(
        self,
        records: Sequence[Record],
        *,
        owner: str = "",
        remember: Mapping[str, bytes | None] = {},
        texts: Mapping[str, bytes | None] = {},
        beside: Mapping[str, Mapping[str, bytes | None]] = {},
        ingested: Sequence[str] = (),
        refusable_bytes: int | None = None,
    ) -> int:
        """Keep records, what `owner` remembers and the ids of incoming files, all or nothing.

        `beside` is what other owners remember of the same records, by their names. `texts` are what can be done
        without, by the same keys: without room they are not kept, which is no error; a key that is forgotten takes
        its text along. Only who says how many `stored_bytes` may be refused is refused by `when_full: reject_new`.
        Returns the number of the last record once everything is on disk. Raises `SpoolFull`.
        """
        size_bytes = stored_bytes(records) if refusable_bytes is None else refusable_bytes
        if remember or beside:
            size_bytes += _remembered_bytes(remember, *beside.values())

        def run(store: Store) -> int:
            failpoints.reached("append.before")
            cap, now = self._engine.cap, self._engine.wall()
            may_drop = refusable_bytes is None or cap.options.when_full == "drop_oldest"
            reason = cap.make_room(store, size_bytes, now, may_drop=may_drop)
            if reason and not (
                cap.may_go_beyond(size_bytes, reason, may_drop=may_drop)
                if records
                else reason == DISK_FULL or cap.may_remember(store, owner, remember)
            ):
                raise cap.refusal(reason)
            _insert(store, records)
            failpoints.reached("append.rows")
            if ingested:
                incoming.remember_ingested(store.connection, ingested)
            for name, remembered in beside.items():
                _remember(store, name, remembered)
            _remember(store, owner, remember)
            if changed := _with_forgotten(texts, remember):
                spool_texts.remember(store, cap, owner, changed, now=now)
            return store.state.last_number

        return self._engine.write(run, size_bytes=size_bytes + _bytes_of(texts))

    def read(self, destination: str, *, max_events: int, max_bytes: int) -> Batch:
        """Return what is to be sent next; no pieces when nothing waits. It never waits.

        Records of kinds that the destination does not take are passed over and counted as filtered.
        """
        while True:
            view = self._engine.view
            position = (view.positions or {}).get(destination)
            if position is None:
                raise SpoolError(f"{destination!r} is not attached", "attach it first")
            limit = view.limit(position)
            batch = self._collect(destination, position, limit, max_events, max_bytes)
            if not batch.passed_over:
                break
            self.acknowledge(destination, batch.start, delivered=0, filtered=batch.passed_over)
            if batch.pieces:
                break
        if not batch.pieces:
            self._positions.nothing_before[destination] = limit
        return batch

    def read_behind(self, destination: str, position: Position, *, max_events: int, max_bytes: int) -> Batch:
        """Return what `destination` is to get from `position` on, which lies behind its own; that does not move.

        `passed_over` says how many entries of kinds that it does not take lie between.
        """
        limit = self._engine.view.limit(position)
        passed_over = 0
        while True:
            batch = self._collect(destination, position, limit, max_events, max_bytes)
            passed_over += batch.passed_over
            if batch.pieces or not batch.passed_over:
                return batch._replace(passed_over=passed_over)
            position = batch.start

    def _collect(
        self, destination: str, position: Position, limit: int, max_events: int, max_bytes: int
    ) -> Batch:
        """Return the batch from a position on; records that are damaged are set aside on the way."""
        found = Damage()
        read = partial(
            collect, position=position, before=limit, kinds=self._positions.kinds.get(destination, EVENTS)
        )
        batch = self._engine.read(partial(read, max_events=max_events, max_bytes=max_bytes, damage=found))
        if found.numbers:
            now, numbers = self._engine.wall(), found.numbers
            self._engine.write(lambda store: quarantine.set_records_aside(store, numbers, now))
        return batch

    def look(self, position: Position, *, kinds: Collection[str], max_events: int, max_bytes: int) -> Batch:
        """Return what lies from a position on, as `read` would; nothing is moved, counted or set aside."""
        read = partial(collect, position=position, before=_UNBOUNDED, kinds=kinds, damage=Damage())
        return self._engine.read(partial(read, max_events=max_events, max_bytes=max_bytes))

    def wait(
        self, destination: str, timeout_seconds: float | None, interrupt: threading.Event | None = None
    ) -> bool:
        """Block until something waits for `destination` (True), or the time is over or `interrupt` was called.

        An `interrupt` event that is set ends it at once; set it, then call `interrupt`.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        arrived = self._engine.arrived
        with arrived:
            seen = self._engine.interrupts
            while True:
                if interrupt is not None and interrupt.is_set():
                    return False
                if self._is_waiting(destination):
                    return True
                remaining = None if deadline is None else deadline - time.monotonic()
                if self._engine.interrupts != seen or (remaining is not None and remaining <= 0):
                    return False
                arrived.wait(remaining)

    def interrupt(self) -> None:
        """Wake everyone who waits."""
        self._engine.interrupt()

    def acknowledge(
        self,
        destination: str,
        upto: Position,
        *,
        delivered: int,
        filtered: int = 0,
        rejected: Sequence[Rejection] = (),
        durable: bool = False,
    ) -> None:
        """Move `destination` on to `upto`; rejected entries are kept in the same transaction.

        It survives SIGKILL at once, and power loss from the next durable commit on.
        """
        refused = rejected

        def run(store: Store) -> None:
            failpoints.reached("acknowledge.before")
            now = self._engine.wall()
            if refused:
                keep_rejected(store, destination, refused, now, self._engine.cap.rejected_bytes)
            positions.acknowledge(
                store,
                destination,
                upto,
                delivered=delivered,
                filtered=filtered,
                rejected=len(refused),
                now=now,
            )
            failpoints.reached("acknowledge.after")

        self._engine.write(run, durable=durable or bool(refused))

    def waiting_bytes(self, origin: str) -> int:
        """Return how much of the spool is taken by records of `origin` that some destination still needs."""
        positions = (self._engine.view.positions or {}).values()
        if not positions:
            return 0
        first = min(position.record for position in positions)
        return self._engine.read(partial(_waiting_bytes, first=first, origin=origin))

    def room_bytes(self) -> int:
        """Return how much of the cap, in bytes, records may take beside what is remembered."""
        return max(0, self._engine.cap.budget_pages() * PAGE_BYTES - self._engine.remembered_bytes)

    def _is_waiting(self, destination: str) -> bool:
        view = self._engine.view
        position = (view.positions or {}).get(destination)
        if position is None:
            return False
        return view.limit(position) > max(position.record, self._positions.nothing_before.get(destination, 0))


def _insert(store: Store, records: Sequence[Record]) -> None:
    state, rows = store.state, []
    number, events, size_bytes = state.last_number, state.total_events, state.total_bytes
    for record in records:
        number += 1
        rows.append(from_record(number, events, size_bytes, record))
        events += record.count
        size_bytes += record.segment.length
    state.last_number, state.total_events, state.total_bytes = number, events, size_bytes
    store.append(rows)


def _remember(store: Store, owner: str, remember: Mapping[str, bytes | None]) -> None:
    if remember:
        memory.remember(store.connection, store.totals, owner, remember)
        store.keep_long_bytes()


def _with_forgotten(
    texts: Mapping[str, bytes | None], remember: Mapping[str, bytes | None]
) -> Mapping[str, bytes | None]:
    """Return the texts, with none any more for what is forgotten."""
    return {**{key: None for key, value in remember.items() if value is None}, **texts} if remember else texts


def _bytes_of(texts: Mapping[str, bytes | None]) -> int:
    return sum([len(text) for text in texts.values() if text]) if texts else 0


def _remembered_bytes(*remembered: Mapping[str, bytes | None]) -> int:
    sizes = [len(key) + len(value or b"") for remember in remembered for key, value in remember.items()]
    return memory.size_of_all(sizes)


def _waiting_bytes(connection: sqlite3.Connection, first: int, origin: str) -> int:
    """Return what the records of `origin` from number `first` on take."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(length(deflated) + length(event_types) + length(tags) + length(name)), 0)"
        " FROM records WHERE number >= ? AND origin = ?",
        (first, origin),
    ).fetchone()
    return int(row[0]) * ROW_BYTES + int(row[1])
