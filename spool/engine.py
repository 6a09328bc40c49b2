"""What turns behind the spool's calls: the lock, the writer, the reading connection, room and recovery.

It keeps three promises for the whole package: whoever waits is woken by a commit and by nothing else;
a database that SQLite refuses in the middle of work is replaced, and the work goes on; a full disk makes
room from the reserve before anything is refused.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from spool import incoming, modes, prune, reserve, schema
from spool.batch_reader import is_refusal
from spool.cap import RESERVE_BYTES, Cap
from spool.errors import SpoolClosed, SpoolError, SpoolFull
from spool.lock import Lock
from spool.options import Options
from spool.repair import aside, recovery
from spool.repair.salvage import Salvager
from spool.schema import SCHEMA, Schema
from spool.state import Recovery
from spool.store import Store
from spool.trust import Trusts
from spool.view import View, view_of
from spool.writer import Due, Writer

T = TypeVar("T")

_NO_SPACE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})

log = logging.getLogger(__name__)


class Engine:
    """One open spool directory."""

    def __init__(
        self,
        directory: Path,
        options: Options,
        wall: Callable[[], float],
        wanted: Schema = SCHEMA,
        volatile: str = "",
    ) -> None:
        self.directory = directory
        self.wall = wall
        self.volatile = volatile
        self.view = View()
        self.arrived = threading.Condition()
        self.trusts = Trusts(self.read, self.write, wall)
        self.remembered_bytes = self.interrupts = 0
        self.on_news: Callable[[], None] = _nothing
        """Called in the thread of whoever writes when there is damage or lost texts to tell; it must not block."""
        self._lock = Lock.take(directory)
        try:
            incoming.make_directory(directory)
            self.cap = Cap(directory, options)
            store, self.recovery = _open(directory, wall(), wanted)
            self._reader_lock = threading.Lock()
            self._reader = schema.open_reader(store.path)
            modes.give_to_owner(directory)
            modes.repair(directory)
            incoming.sync_directory(directory)
        except BaseException:
            self._lock.release()
            raise
        self._closed = self._without_store = False
        self._salvager: Salvager | None = None
        self._publish(store)
        self._checkpointed = self.view.ends()
        self._writer = Writer(
            store,
            committed=self._committed,
            recover=self._recover,
            due=self._due,
            checkpoint=self._checkpoint,
            shrink=self._shrink,
        )
        self._begin(store)

    def _begin(self, store: Store) -> None:
        """Do what an opened database needs, and begin what can be done beside."""
        self._use_options(store)
        self._start_salvage(store)
        self._writer.shrink_soon()

    def write(self, run: Callable[[Store], T], *, durable: bool = True, size_bytes: int = 0) -> T:
        """Have `run` done in a transaction; raises `SpoolFull` or `SpoolError` when nothing of it was kept."""
        try:
            return self._writer.submit(run, durable=durable, size_bytes=size_bytes)
        except sqlite3.Error as error:
            code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
            if code == sqlite3.SQLITE_FULL:
                raise SpoolFull("the disk is full", f"free some space for {self.directory}") from None
            raise SpoolError(f"the spool cannot be written: {error}", f"look at {self.directory}") from None

    def between(self, run: Callable[[Store], T]) -> T:
        """Have `run` done between two transactions."""
        return self._writer.between(run)

    def read(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        """Return what `work` reads; a database that SQLite refuses is replaced, and it is read again."""
        try:
            with self._reader_lock:
                return self._read(work)
        except sqlite3.Error as error:
            if not is_refusal(error):
                raise SpoolError(f"the spool cannot be read: {error}", f"look at {self.directory}") from None
            refusal = error
        reader = self._reader
        self.between(lambda store: self._replace(store, refusal) if self._reader is reader else None)
        with self._reader_lock:
            return self._read(work)

    def maintain_files(self, store: Store) -> None:
        """Bound the damaged copies, make the reserve where it is missing, measure again."""
        salvage = store.state.salvage
        in_use = salvage.copy if salvage is not None else ""
        aside.forget_copies(self.directory, self.cap.options.max_size_bytes // 8, in_use)
        incoming.remove_leftovers(self.directory)
        prune.restore_reserve(self.cap)
        self.cap.refresh()

    def look_after_the_file(self, store: Store) -> None:
        """Put the database back where somebody removed it: what is open here would be lost at the end."""
        if recovery.is_in_place(store):
            return
        log.error("%s was removed or replaced while it was in use: it is written again", store.path)
        with self._reader_lock:
            self._reader.close()
            self._without_store = True
            recovery.put_back(self.directory, store)
            self._open_again(Store(store.path, store.schema))

    def checkpoint_wal(self, store: Store) -> None:
        """Checkpoint; give the space of a -wal beyond its limit back, unless the disk is so full that it may be missed.

        One within it is kept to be written over: a commit that makes the file grow waits for the file system's journal too, which is a flush more.
        Where only memory was written since the last time, as on a quiet day, it can wait until the -wal is full: that is a sync an hour less.
        """
        if not self._due():
            return
        self._checkpoint(store)
        if self.cap.wal_bytes() > self.cap.wal_limit_bytes and reserve.exists(self.directory):
            prune.truncate_wal(store)

    def wake(self) -> None:
        """Wake everyone who waits."""
        with self.arrived:
            self.arrived.notify_all()

    def interrupt(self) -> None:
        """Have everyone who waits stop waiting."""
        with self.arrived:
            self.interrupts += 1
            self.arrived.notify_all()

    def reconfigure(self, options: Options) -> None:
        """Go by other options from now on; what is above a lower cap gives way in the background."""
        self.cap.use(options)
        self.between(self._use_options)
        self._writer.shrink_soon()

    def close(self) -> None:
        """Commit what waits, checkpoint, let go of the directory."""
        if self._closed:
            return
        self._closed = True
        if self._salvager is not None:
            self._salvager.stop()
        self._writer.close()
        with self._reader_lock:
            self._reader.close()
        store = self._writer.store
        with suppress(sqlite3.Error):
            prune.truncate_wal(store)
        with suppress(sqlite3.Error):
            store.close()
        with suppress(OSError):
            incoming.sync_directory(self.directory)
        self._lock.release()
        if self.volatile:
            aside.remove_tree(self.directory)
        self.wake()

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise SpoolClosed("the spool is closed")
        return work(self._reader)

    def _committed(self, store: Store) -> None:
        self.remembered_bytes = store.remembered_bytes
        if store.has_news:
            self._publish(store)
        elif (last := store.state.last_number) != self.view.last_number:  # else nobody waits for it
            with self.arrived:
                self.view.last_number = last
                self.arrived.notify_all()

    def _publish(self, store: Store) -> None:
        earlier, view = self.view, view_of(store.state)
        store.has_news = False
        self.remembered_bytes = store.remembered_bytes
        if view.is_like(earlier):
            return  # a look for what to tidy: an idle host sleeps on
        with self.arrived:
            self.view = view
            self.arrived.notify_all()
        if view.has_news_since(earlier):
            self.on_news()

    def _use_options(self, store: Store) -> None:
        self._writer.group_bytes = self.cap.wal_limit_bytes // 2
        store.connection.execute(f"PRAGMA journal_size_limit = {self.cap.wal_limit_bytes}").fetchall()
        if store.state.max_size_bytes != self.cap.options.max_size_bytes:
            store.begin(durable=False)
            store.state.max_size_bytes = self.cap.options.max_size_bytes
            store.touch()
            store.commit()

    def _due(self) -> Due:
        # SQLite keeps a -wal of just that size, to write over it: only one that is larger is full.
        if self.cap.wal_bytes() > self.cap.wal_limit_bytes:
            return "now"
        # What only changed memory (a heartbeat) is no reason to wake up once more.
        return "" if self.view.ends() == self._checkpointed else "idle"

    def _checkpoint(self, store: Store) -> bool:
        if done := prune.checkpoint(store):
            self._checkpointed = self.view.ends()
        return done

    def _shrink(self, store: Store) -> bool:
        if prune.shrink_slice(store, self.cap, self.wall()):
            self._publish(store)
            return True
        prune.restore_reserve(self.cap)
        return False

    def _recover(self, store: Store, error: BaseException) -> Store | None:
        """Return the store to go on with after SQLite raised `error`, None when that helps nothing."""
        code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
        if code in _NO_SPACE and not is_refusal(error) and not self._without_store:
            # Damage can look like a full disk: a page number beyond every file is one.
            if code == sqlite3.SQLITE_FULL and reserve.free_bytes(self.directory) > 2 * RESERVE_BYTES:
                return self._replace(store, error)
            self._make_space(store)
            return store
        return self._replace(store, error) if self._without_store or is_refusal(error) else None

    def _make_space(self, store: Store) -> None:
        if prune.make_space(store, self.cap, self.wall()):
            self._publish(store)

    def _replace(self, store: Store, error: BaseException) -> Store:
        """Go on with a fresh database in place of one that SQLite refuses. Runs in the thread of whoever writes."""
        with self._reader_lock:
            self._reader.close()
            with suppress(sqlite3.Error):
                store.close(error)
            self._without_store = True
            reason = f"SQLite refuses it: {error}"
            store, self.recovery = recovery.rebuild(
                self.directory, reason, self.wall(), store.schema, store.state
            )
            self._open_again(store)
        self.trusts.note_lost(self.recovery.memory_lost)
        self.cap.refresh()
        self._use_options(store)
        self._publish(store)
        self._start_salvage(store)
        return store

    def _open_again(self, store: Store) -> None:
        """Go on with another store; the caller holds the reader's lock."""
        self._reader = schema.open_reader(store.path)
        self._without_store = False
        self._writer.store = store

    def _start_salvage(self, store: Store) -> None:
        if store.state.salvage is not None:
            self._salvager = Salvager(self._writer, self.cap, self.wall, self.wake)
            self._salvager.start()


def _nothing() -> None:
    """Nobody asks for news."""


def _open(directory: Path, now: float, wanted: Schema) -> tuple[Store, Recovery | None]:
    try:
        return recovery.open_store(directory, now, wanted)
    except (sqlite3.OperationalError, OSError):
        if not reserve.release(directory):
            raise
        return recovery.open_store(directory, now, wanted)
