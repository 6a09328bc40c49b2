"""The spool: the one writer of its directory, and everything the agent asks of it."""

import logging
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

from spool import failpoints, incoming, memory, modes, positions, prune, quarantine, rejected, usage
from spool import texts as spool_texts
from spool.batch import Batch, Drop, RejectedEntry, Rejection
from spool.batch_reader import Damage, collect
from spool.codec import from_record
from spool.engine import Engine
from spool.errors import SpoolError, SpoolLocked
from spool.memory import SpoolMemory
from spool.options import DEFAULT_OPTIONS, MEBIBYTE, Options
from spool.record import EVENT, Position, Record
from spool.schema import PAGE_BYTES, SCHEMA, Schema
from spool.state import DISK_FULL, Recovery
from spool.status import SpoolStatus, read_status
from spool.store import Store
from spool.tables import RECORDS

_VOLATILE_BYTES = 64 * MEBIBYTE

EVENTS = frozenset({EVENT})

log = logging.getLogger(__name__)


class Spool:
    """The one writer; thread safe. Every call that changes something blocks until it is committed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._interrupts = 0
        self._nothing_before: dict[str, int] = {}
        self._in_use: set[str] = set()
        self._kinds: dict[str, frozenset[str]] = {}

    @classmethod
    def open(
        cls,
        directory: Path,
        options: Options = DEFAULT_OPTIONS,
        *,
        wall: Callable[[], float] = time.time,
        volatile_directory: Path | None = None,
        schema: Schema = SCHEMA,
    ) -> Self:
        """Open the spool in `directory`, making it where it is missing; raises `SpoolLocked` alone.

        Where nothing can be written there, a volatile spool takes its place, in `volatile_directory` or a
        temporary one: a host goes unrecorded for want of a directory only until somebody reads the log or `status`.
        """
        try:
            _make_directory(directory)
            engine = Engine(directory, options, wall, schema)
        except SpoolLocked:
            raise
        except (OSError, sqlite3.Error, SpoolError) as error:
            reason = f"{directory} cannot be used: {error}"
        else:
            if volatile_directory is not None and volatile_directory.exists():
                log.warning("%s, which a killed agent left, is removed", volatile_directory)
                shutil.rmtree(volatile_directory, ignore_errors=True)
            return cls(engine)
        log.critical(
            "%s. Events are kept in memory-like storage and are LOST when the agent stops, until its user"
            " may write there and the agent is restarted",
            reason,
        )
        small = replace(options, max_size_bytes=min(options.max_size_bytes, _VOLATILE_BYTES))
        return cls(_open_volatile(volatile_directory, small, wall, reason))

    @property
    def directory(self) -> Path:
        """Where it keeps its files."""
        return self._engine.directory

    @property
    def recovery(self) -> Recovery | None:
        """What was last found damaged as a whole since this was opened; see `recoveries_to_tell`."""
        return self._engine.recovery

    @property
    def volatile(self) -> str:
        """Why this spool is lost when the agent stops; empty when it is where it was configured to be."""
        return self._engine.volatile

    def append(
        self,
        records: Sequence[Record],
        *,
        owner: str = "",
        remember: Mapping[str, bytes | None] = {},
        texts: Mapping[str, bytes | None] = {},
        ingested: Sequence[str] = (),
        refusable: bool = False,
    ) -> int:
        """Keep records, what `owner` remembers and the ids of incoming files, all or nothing.

        `texts` are what can be done without, by the same keys: without room they are not kept, which is no
        error; a key that is forgotten takes its text along. Only what is `refusable` is refused by
        `when_full: reject_new`. Returns the number of the last record once everything is on disk. Raises
        `SpoolFull`.
        """
        size_bytes = sum(map(usage.stored_bytes, records))
        size_bytes += sum(len(value or b"") + len(key) + memory.ROW_BYTES for key, value in remember.items())

        def run(store: Store) -> int:
            failpoints.reached("append.before")
            cap, now = self._engine.cap, self._engine.wall()
            may_drop = not refusable or cap.options.when_full == "drop_oldest"
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
            if remember:
                memory.remember(store.connection, store.totals, owner, remember)
            forgotten = dict.fromkeys(key for key, value in remember.items() if value is None)
            spool_texts.remember(store, cap, owner, {**forgotten, **texts}, now=now)
            return store.state.last_number

        all_bytes = size_bytes + sum(len(text or b"") for text in texts.values())
        return self._engine.write(run, size_bytes=all_bytes)

    def memory(self, owner: str) -> SpoolMemory:
        """Return what `owner` asked to have remembered; empty when any of it was damaged."""
        verified = self._engine.verified
        if owner not in verified:
            if not self._engine.read(partial(memory.is_whole, owner=owner)):
                self._forget_damaged(owner)
            verified.add(owner)
        return SpoolMemory(owner, self._engine.read, self._forget_damaged, self._has_room_to_remember)

    def forget(self, owner: str | None = None) -> None:
        """Forget everything an owner remembers, or everyone does."""
        self._engine.write(lambda store: memory.forget(store.connection, store.totals, owner))

    def attach(
        self,
        destination: str,
        identity: str,
        start: Literal["now", "oldest"] = "now",
        kinds: Collection[str] = EVENTS,
    ) -> None:
        """Make `destination` one that records are kept for; the same identity keeps its position.

        It takes records of `kinds`, and passes over all others.
        """
        self._kinds[destination] = frozenset(kinds)
        in_use = frozenset(self._in_use)
        self._engine.write(lambda store: positions.attach(store, destination, identity, start, in_use))
        self._in_use.add(destination)
        self._nothing_before.pop(destination, None)

    def detach(self, destination: str) -> None:
        """Let `destination` hold back nothing from now on."""
        self._in_use.discard(destination)
        self._engine.write(lambda store: positions.detach(store, destination))

    def set_aside_undelivered(self, reason: str) -> int:
        """Deliver nothing of what is there now to anybody (a cloned image); return how many entries."""
        return self._engine.write(lambda store: positions.set_aside(store, reason, self._engine.wall()))

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
            found = Damage()
            read = partial(
                collect, position=position, before=limit, kinds=self._kinds.get(destination, EVENTS)
            )
            batch = self._engine.read(partial(read, max_events=max_events, max_bytes=max_bytes, damage=found))
            if found.numbers:
                now = self._engine.wall()
                numbers = found.numbers
                self._engine.write(lambda store: quarantine.set_records_aside(store, numbers, now))  # noqa: B023 - it is done when it returns
            if not batch.passed_over:
                break
            self.acknowledge(destination, batch.start, delivered=0, filtered=batch.passed_over)
            if batch.pieces:
                break
        if not batch.pieces:
            self._nothing_before[destination] = limit
        return batch

    def wait(
        self, destination: str, timeout_seconds: float | None, interrupt: threading.Event | None = None
    ) -> bool:
        """Block until something waits for `destination` (True), or the time is over or `interrupt` was called.

        An `interrupt` event that is set ends it at once; set it, then call `interrupt`.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        arrived = self._engine.arrived
        with arrived:
            seen = self._interrupts
            while True:
                if interrupt is not None and interrupt.is_set():
                    return False
                if self._is_waiting(destination):
                    return True
                remaining = None if deadline is None else deadline - time.monotonic()
                if self._interrupts != seen or (remaining is not None and remaining <= 0):
                    return False
                arrived.wait(remaining)

    def interrupt(self) -> None:
        """Wake everyone who waits."""
        with self._engine.arrived:
            self._interrupts += 1
            self._engine.arrived.notify_all()

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

    def retries(self, destination: str, after: int = 0) -> Sequence[RejectedEntry]:
        """Return the next rejected entries, of an id above `after`, that are to be sent to `destination` again."""
        return self._engine.read(
            lambda connection: rejected.page(connection, after, retrying_for=destination)
        )

    def rejected(self) -> Iterator[RejectedEntry]:
        """Yield what destinations refused for good, oldest first."""
        after = 0
        while entries := self._engine.read(partial(rejected.page, after=after)):
            yield from entries
            after = entries[-1].id

    def retry(self, ids: Sequence[int] | None) -> int:
        """Have rejected entries sent again, all of them for None; return how many."""
        count = self._engine.write(lambda store: rejected.ask_again(store, ids))
        self.interrupt()
        return count

    def retried(self, id: int, *, accepted: bool, reason: str = "") -> None:  # noqa: A002 - as it is called
        """Take note of what became of a retry; only an accepted entry leaves the list."""
        self._engine.write(lambda store: rejected.settle(store, id, accepted=accepted, reason=reason))

    def discard(self, ids: Sequence[int] | None) -> int:
        """Forget rejected entries, all of them for None; return how many there were."""
        return self._engine.write(lambda store: rejected.discard(store, ids))

    @property
    def has_untold_drops(self) -> bool:
        """Return whether there are drops to tell, as of the last commit; it costs nothing to ask."""
        return self._engine.view.has_untold_drops

    def waiting_bytes(self, origin: str) -> int:
        """Return how much of the spool is taken by records of `origin` that some destination still needs."""
        positions = (self._engine.view.positions or {}).values()
        if not positions:
            return 0
        first = min(position.record for position in positions)
        return self._engine.read(partial(usage.waiting_bytes, first=first, origin=origin))

    def room_for_records(self) -> int:
        """Return how much of the cap, in bytes, records may take beside what is remembered."""
        cap = self._engine.cap
        return max(0, cap.budget_pages() * PAGE_BYTES - self._engine.remembered_bytes)

    def drops_to_tell(self) -> Sequence[Drop]:
        """Return what was dropped and not told yet."""

        def run(store: Store) -> list[Drop]:
            return [
                Drop(
                    loss.destination,
                    loss.reason,
                    loss.count - loss.told,
                    loss.first_time or 0.0,
                    loss.last_time or 0.0,
                )
                for loss in store.state.untold()
            ]

        return self._engine.write(run, durable=False)

    def tell(self, drops: Sequence[Drop], number: int) -> None:
        """Remember that record `number` tells of these drops; what came since is told the next time.

        Where that record is dropped before the destination has got it, they are to be told again.
        """

        def run(store: Store) -> None:
            for drop in drops:
                store.state.tell(drop, number)
            store.touch()

        self._engine.write(run)

    def acknowledge_drops(self) -> int:
        """Take note that somebody knows of every drop so far; return of how many that was news."""

        def run(store: Store) -> int:
            store.touch()
            return store.state.acknowledge_losses()

        return self._engine.write(run)

    def recoveries_to_tell(self) -> Sequence[Recovery]:
        """Return what was found damaged, once its counts are final, until it is told."""

        def run(store: Store) -> list[Recovery]:
            return [
                Recovery.of(kept) for kept in store.state.recoveries if kept["finished"] and not kept["told"]
            ]

        return self._engine.write(run, durable=False)

    def tell_recoveries(self, told: Sequence[Recovery]) -> None:
        """Remember that these were told."""

        def run(store: Store) -> None:
            for kept in store.state.recoveries:
                kept["told"] = kept["told"] or Recovery.of(kept) in told
            store.touch()

        self._engine.write(run)

    @property
    def has_news(self) -> bool:
        """Return whether there is damage or lost text to tell, as of the last commit; it costs nothing to ask."""
        view = self._engine.view
        return view.has_untold_damage or view.has_untold_texts

    def texts_to_tell(self) -> int:
        """Return how many remembered texts had no room, unless that was told before."""
        view = self._engine.view
        return self.status().texts_given_up if view.has_untold_texts else 0

    def tell_texts(self) -> None:
        """Remember that this was told; it is not told again."""

        def run(store: Store) -> None:
            store.state.texts_told = True
            store.touch()

        self._engine.write(run)

    def on_news(self, call: Callable[[], None]) -> None:
        """Have `call` called when there is damage or lost texts to tell; in another thread, it must not block."""
        self._engine.on_news = call

    def housekeeping(self, *, trusted_time: bool) -> None:
        """Do what can wait, in slices: age, the cap, pages given back, the reserve, the checkpoint."""
        engine = self._engine
        engine.cap.refresh()
        if trusted_time:
            while engine.write(lambda store: prune.expire_slice(store, engine.cap.options, engine.wall())):
                pass
        while engine.between(lambda store: prune.shrink_slice(store, engine.cap, engine.wall())):
            pass
        while engine.between(lambda store: prune.has_much_free(store) and prune.give_back_slice(store)):
            pass
        engine.between(engine.look_after_the_file)
        engine.between(engine.maintain_files)
        engine.between(engine.checkpoint_wal)

    def reconfigure(self, options: Options) -> None:
        """Go by other options from now on."""
        self._engine.reconfigure(options)

    def status(self) -> SpoolStatus:
        """Return how the spool is doing, as of the last commit."""
        return self._engine.read(partial(read_status, directory=self.directory, volatile=self.volatile))

    def incoming(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files that local programs left and that were not taken in yet: name and bytes."""
        ingested = self._engine.read(incoming.ingested_before)
        return incoming.waiting(self.directory, ingested)

    def refuse_incoming(self, name: str, reason: str) -> None:
        """Set a file aside that cannot be understood."""
        incoming.refuse(self.directory, name, reason)

    def finish_incoming(self, ids: Sequence[str]) -> None:
        """Remove files that were taken in by an `append` that has returned."""
        incoming.unlink(self.directory, ids)
        self._engine.write(lambda store: incoming.forget_ingested(store.connection, ids), durable=False)

    def close(self) -> None:
        """Commit what waits, checkpoint and let go of the directory. Closing twice does nothing."""
        self._engine.close()
        self.interrupt()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_waiting(self, destination: str) -> bool:
        view = self._engine.view
        position = (view.positions or {}).get(destination)
        if position is None:
            return False
        return view.limit(position) > max(position.record, self._nothing_before.get(destination, 0))

    def _has_room_to_remember(self, more_bytes: int) -> bool:
        return self._engine.remembered_bytes + more_bytes <= self._engine.cap.memory_bytes

    def _forget_damaged(self, owner: str) -> None:
        log.error("the memory of %s is damaged: it learns anew", owner)
        now = self._engine.wall()
        self._engine.write(lambda store: quarantine.forget_damaged_memory(store, owner, now))


keep_rejected = rejected.keep  # `rejected` is also a parameter's name


def _insert(store: Store, records: Sequence[Record]) -> None:
    state = store.state
    rows = []
    for record in records:
        state.last_number += 1
        rows.append(from_record(state.last_number, state.total_events, state.total_bytes, record))
        state.total_events += record.count
        state.total_bytes += record.segment.length
    if rows:
        store.connection.executemany(RECORDS.insert, rows)


def _make_directory(directory: Path) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=modes.TOP_MODE if path == directory else 0o755, exist_ok=True)
        incoming.sync_directory(path.parent)


def _open_volatile(
    directory: Path | None, options: Options, wall: Callable[[], float], reason: str
) -> Engine:
    """Open one where it was said, or where any program may write: a service may have no such place."""
    if directory is not None:
        try:
            _make_directory(directory)
            return Engine(directory, options, wall, volatile=reason)
        except SpoolLocked:
            raise
        except (OSError, sqlite3.Error, SpoolError) as error:
            log.warning("%s cannot be used either: %s", directory, error)
    return Engine(Path(tempfile.mkdtemp(prefix="sts-agent-spool-")), options, wall, volatile=reason)
