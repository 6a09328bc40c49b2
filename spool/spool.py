"""The spool: the one writer of its directory, and everything the agent asks of it."""

import logging
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

from spool import incoming, memory, modes, prune, recount
from spool.calls.incoming import Incoming
from spool.calls.notices import Notices
from spool.calls.positions import Positions
from spool.calls.records import Records
from spool.calls.rejected import Rejected
from spool.engine import Engine
from spool.errors import SpoolError, SpoolLocked
from spool.moment import Moment
from spool.options import DEFAULT_OPTIONS, MEBIBYTE, Options
from spool.owner_memory import SpoolMemory
from spool.repair.aside import remove_tree
from spool.schema import SCHEMA, Schema
from spool.stamp import Stamp
from spool.state import Recovery
from spool.status import SpoolStatus, read_status
from spool.store import Store

_VOLATILE_BYTES = 64 * MEBIBYTE

log = logging.getLogger(__name__)


class Spool:
    """The one writer; thread safe. Every call that changes something blocks until it is committed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.positions = Positions(engine)
        self.records = Records(engine, self.positions)
        self.rejected = Rejected(engine)
        self.incoming = Incoming(engine)
        self.notices = Notices(engine)

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
                remove_tree(volatile_directory)
            return cls(engine)
        log.critical(
            "%s. Events are kept in memory-like storage and are LOST when the agent stops, until its user"
            " may write there and the agent is restarted",
            reason,
        )
        small = options._replace(max_size_bytes=min(options.max_size_bytes, _VOLATILE_BYTES))
        return cls(_open_volatile(volatile_directory, small, wall, reason))

    @property
    def directory(self) -> Path:
        """Where it keeps its files."""
        return self._engine.directory

    @property
    def recovery(self) -> Recovery | None:
        """What was last found damaged as a whole since this was opened; see `notices`."""
        return self._engine.recovery

    @property
    def volatile(self) -> str:
        """Why this spool is lost when the agent stops; empty when it is where it was configured to be."""
        return self._engine.volatile

    def memory(self, owner: str, on_lost: Callable[[], object] = lambda: None) -> SpoolMemory:
        """Return what `owner` asked to have remembered; empty when any of it is known to be damaged.

        Damage of a group of rows is found when one of them is asked for, or by the next row that does not match its
        checksum. Then all of it is forgotten, and `on_lost` is called at that and each later look at this memory; it may raise.
        """
        return SpoolMemory(self._engine.trusts.of(owner), self._has_room_to_remember, on_lost)

    def stamp(self, owner: str) -> Stamp:
        """Return the small value that `owner` writes in place, beside its memory and without a transaction."""
        return Stamp(self.directory, owner)

    def forget(self, owner: str | None = None) -> None:
        """Forget everything an owner remembers, or everyone does."""

        def run(store: Store) -> None:
            memory.forget(store.connection, store.totals, owner)
            store.keep_long_bytes()

        self._engine.write(run)

    def housekeeping(self, *, trusted_time: bool, now: Moment | None = None) -> None:
        """Do what can wait, in slices: age, the cap, pages given back, the reserve, the checkpoint.

        What is too old is judged by `now`, by the wall clock alone where it is not given, and not at all without trusted time.
        """
        engine = self._engine
        engine.cap.refresh()
        if trusted_time:
            moment = now or Moment(engine.wall())
            while engine.write(lambda store: prune.expire_slice(store, engine.cap.options, moment)):
                pass
        while engine.between(lambda store: prune.shrink_slice(store, engine.cap, engine.wall())):
            pass
        while engine.between(lambda store: prune.has_much_free(store) and prune.give_back_slice(store)):
            pass
        engine.between(engine.look_after_the_file)
        engine.between(engine.maintain_files)
        if engine.between(recount.is_wanted):
            engine.write(recount.recount)
        engine.between(engine.checkpoint_wal)

    def reconfigure(self, options: Options) -> None:
        """Go by other options from now on."""
        self._engine.reconfigure(options)

    def status(self) -> SpoolStatus:
        """Return how the spool is doing, as of the last commit."""
        return self._engine.read(partial(read_status, directory=self.directory, volatile=self.volatile))

    def close(self) -> None:
        """Commit what waits, checkpoint and let go of the directory. Closing twice does nothing."""
        self._engine.close()
        self.records.interrupt()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _has_room_to_remember(self, more_bytes: int) -> bool:
        return self._engine.remembered_bytes + more_bytes <= self._engine.cap.memory_bytes


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
    import tempfile

    return Engine(Path(tempfile.mkdtemp(prefix="sts-agent-spool-")), options, wall, volatile=reason)
