"""The spool: the one writer of its directory, and everything the agent asks of it."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from spool import fault, memory, positions, schema
from spool.batch import Batch, Rejection
from spool.errors import SpoolError
from spool.lock import Lock
from spool.memory import SpoolMemory
from spool.options import DEFAULT_OPTIONS, Options
from spool.reading import Damage, collect
from spool.record import Position, Record
from spool.row import INSERT_RECORD, checksum, from_record
from spool.status import SpoolStatus, read_status
from spool.store import Store
from spool.writer import Writer

_CHECKPOINT_BYTES = schema.WAL_LIMIT_BYTES
_ROW_BYTES = 512
_INSERT_TAKEN = "INSERT OR REPLACE INTO taken (id, crc) VALUES (?, ?)"


class Spool:
    """The one writer; thread safe. Every call that changes something blocks until it is committed."""

    def __init__(
        self, directory: Path, options: Options, wall: Callable[[], float], lock: Lock, store: Store
    ) -> None:
        self.directory = directory
        self._options = options
        self._wall = wall
        self._lock = lock
        self._path = directory / schema.DATABASE
        self._wal = directory / f"{schema.DATABASE}-wal"
        self._reader_lock = threading.Lock()
        self._reader = schema.open_reader(self._path)
        self._arrived = threading.Condition()
        self._interrupts = 0
        self._last_number = 0
        self._positions: dict[str, Position] = {}
        self._nothing_before: dict[str, int] = {}
        self._in_use: set[str] = set()
        self._publish(store)
        self._writer = Writer(
            store,
            committed=self._publish,
            recover=self._recover,
            settle=self._settle,
            tidy=self._tidy,
        )

    @classmethod
    def open(
        cls,
        directory: Path,
        options: Options = DEFAULT_OPTIONS,
        *,
        wall: Callable[[], float] = time.time,
    ) -> "Spool":
        """Open the spool in `directory`, making it where it is missing; raises `SpoolLocked`."""
        _make_directory(directory)
        lock = Lock.take(directory)
        try:
            store = Store(directory / schema.DATABASE)
            _sync_directory(directory)
        except BaseException:
            lock.release()
            raise
        return cls(directory, options, wall, lock, store)

    def append(
        self,
        records: Sequence[Record],
        *,
        owner: str = "",
        remember: Mapping[str, bytes | None] = {},
        taken: Sequence[str] = (),
    ) -> int:
        """Keep records, what `owner` remembers and the ids of incoming files, all or nothing.

        Returns the number of the last record once everything is on disk. Raises `SpoolFull`.
        """
        size_bytes = sum(len(record.segment.deflated) + _ROW_BYTES for record in records)
        size_bytes += sum(len(value or b"") + _ROW_BYTES for value in remember.values())

        def run(store: Store) -> int:
            fault.reached("append.before")
            _insert(store, records)
            fault.reached("append.rows")
            store.connection.executemany(
                _INSERT_TAKEN, [(name, checksum("taken", (name,))) for name in taken]
            )
            if remember:
                memory.remember(store.connection, store.totals, owner, remember)
            return store.state.last_number

        return self._writer.submit(run, size_bytes=size_bytes)

    def memory(self, owner: str) -> SpoolMemory:
        """Return what `owner` asked to have remembered; empty when any of it was damaged."""
        return SpoolMemory(owner, self._reading, lambda _owner: None)

    def forget(self, owner: str | None = None) -> None:
        """Forget everything an owner remembers, or everyone does."""
        self._writer.submit(lambda store: memory.forget(store.connection, store.totals, owner))

    def attach(self, destination: str, identity: str, start: Literal["now", "oldest"] = "now") -> None:
        """Make `destination` one that records are kept for; the same identity keeps its position."""
        in_use = frozenset(self._in_use)
        self._writer.submit(lambda store: positions.attach(store, destination, identity, start, in_use))
        self._in_use.add(destination)

    def detach(self, destination: str) -> None:
        """Let `destination` hold back nothing from now on."""
        self._in_use.discard(destination)
        self._writer.submit(lambda store: positions.detach(store, destination))

    def read(self, destination: str, *, max_events: int, max_bytes: int) -> Batch:
        """Return what is to be sent next; no pieces when nothing waits. It never waits."""
        position, limit = self._where(destination)
        damage = Damage()
        with self._reading() as connection:
            batch = collect(
                connection, position, limit, max_events=max_events, max_bytes=max_bytes, damage=damage
            )
        if not batch.pieces:
            with self._arrived:
                self._nothing_before[destination] = limit
        return batch

    def wait(
        self, destination: str, timeout_seconds: float | None, interrupt: threading.Event | None = None
    ) -> bool:
        """Block until something waits for `destination` (True), or the time is over or `interrupt` was called."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with self._arrived:
            seen = self._interrupts
            while True:
                if self._is_waiting(destination):
                    return True
                remaining = None if deadline is None else deadline - time.monotonic()
                over = remaining is not None and remaining <= 0
                if over or self._interrupts != seen or (interrupt is not None and interrupt.is_set()):
                    return False
                self._arrived.wait(remaining)

    def interrupt(self) -> None:
        """Wake everyone who waits."""
        with self._arrived:
            self._interrupts += 1
            self._arrived.notify_all()

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

        def run(store: Store) -> None:
            fault.reached("acknowledge.before")
            positions.acknowledge(
                store,
                destination,
                upto,
                delivered=delivered,
                filtered=filtered,
                rejected=len(rejected),
                now=self._wall(),
            )
            fault.reached("acknowledge.after")

        self._writer.submit(run, durable=durable or bool(rejected))

    def status(self) -> SpoolStatus:
        """Return how the spool is doing, as of the last commit."""
        with self._reading() as connection:
            return read_status(connection, self.directory)

    def close(self) -> None:
        """Commit what waits, checkpoint and let go of the directory. Closing twice does nothing."""
        self._writer.close()
        with self._reader_lock:
            self._reader.close()
        self._writer.store.close()
        self._lock.release()
        self.interrupt()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._reader_lock:
            yield self._reader

    def _where(self, destination: str) -> tuple[Position, int]:
        with self._arrived:
            position = self._positions.get(destination)
            if position is None:
                raise SpoolError(f"{destination!r} is not attached", "attach it first")
            return position, self._last_number + 1

    def _is_waiting(self, destination: str) -> bool:
        position = self._positions.get(destination)
        if position is None:
            return False
        return self._last_number + 1 > max(position.record, self._nothing_before.get(destination, 0))

    def _publish(self, store: Store) -> None:
        with self._arrived:
            self._last_number = store.state.last_number
            self._positions = {standing.name: standing.position for standing in store.state.attached()}
            self._arrived.notify_all()

    def _recover(self, _store: Store, _error: BaseException) -> Store | None:
        return None

    def _settle(self, store: Store) -> None:
        try:
            size_bytes = self._wal.stat().st_size
        except FileNotFoundError:
            return
        if size_bytes >= _CHECKPOINT_BYTES:
            store.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _tidy(self, _store: Store) -> bool:
        return False


def _insert(store: Store, records: Sequence[Record]) -> None:
    state = store.state
    rows = []
    for record in records:
        state.last_number += 1
        rows.append(from_record(state.last_number, state.total_events, state.total_bytes, record))
        state.total_events += record.count
        state.total_bytes += record.segment.length
    if rows:
        store.connection.executemany(INSERT_RECORD, rows)


def _make_directory(directory: Path) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o750, exist_ok=True)
        _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
