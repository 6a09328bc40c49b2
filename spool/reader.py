"""Read a spool from any process, beside the daemon or without it.

It opens the database read only, fetches a page and ends the statement before it hands anything out: a
reader that is paused in the middle of a page would keep the -wal from ever being reset.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from spool import schema
from spool.around_damage import AroundDamage, Fetch
from spool.batch import Batch, RejectedEntry
from spool.batch_reader import Damage, collect
from spool.codec import to_record
from spool.errors import DamagedRow, SpoolError
from spool.record import EVENT, Position, StoredRecord
from spool.tables import RECORDS

if TYPE_CHECKING:  # the history is shown without what knows of positions and of recovery
    from spool.status import SpoolStatus

_UNBOUNDED = 1 << 62


class SpoolReader:
    """Someone who looks at a spool and changes nothing."""

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        self._directory = directory
        self._connection = connection
        self._file = _identity(directory)
        self.passed_by = 0
        """How many places could not be read so far: damaged records, or pages with any number of them."""

    @classmethod
    def open(cls, directory: Path) -> "SpoolReader":
        """Open the spool in `directory`; raises `SpoolError` when there is none or it may not be read."""
        path = directory / schema.DATABASE
        connection = _connect(path)
        try:
            version = schema.version_of(connection)
        except sqlite3.Error as error:
            connection.close()
            raise SpoolError(
                f"{path} cannot be read: {error}", "the daemon repairs it when it starts"
            ) from None
        if version != schema.SCHEMA.version:
            connection.close()
            raise SpoolError(
                f"{path} has schema {version}, this program reads {schema.SCHEMA.version}",
                "use the sts-agent that the daemon runs",
            )
        return cls(directory, connection)

    def renewed(self) -> "SpoolReader | None":
        """Return a reader of the file that took the place of the one that was opened, None while there is none.

        A daemon that repairs its spool moves the damaged file aside: whoever holds it sees nothing new any more.
        """
        there = _identity(self._directory)
        if there is None or there == self._file:
            return None
        try:
            return SpoolReader.open(self._directory)
        except SpoolError:
            return None  # it is being made: the next look finds it

    def status(self) -> "SpoolStatus":
        """Return how the spool is doing, as of the last commit."""
        from spool.status import read_status

        with _translated(self._directory):
            return read_status(self._connection, self._directory, around_damage=True)

    def records(
        self,
        since: float | None = None,
        until: float | None = None,
        after: int = 0,
        *,
        kind: str = EVENT,
        newest_first: bool = False,
    ) -> Iterator[StoredRecord]:
        """Yield the records of one kind with an entry in since <= time < until and a number above `after`.

        Oldest first, or newest first; damaged ones are left out, and counted in `passed_by`.
        """
        low = -_UNBOUNDED if since is None else int(since)
        high = _UNBOUNDED if until is None else int(-(-until // 1))
        order = "DESC" if newest_first else "ASC"
        statement = (
            f"{RECORDS.select} WHERE number >= ? AND number < ?"
            f" AND kind = ? AND last_time >= ? AND first_time < ? ORDER BY number {order} LIMIT ?"
        )

        def fetch(first: int, before: int, limit: int) -> list[Sequence[Any]]:
            return self._connection.execute(statement, (first, before, kind, low, high, limit)).fetchall()

        for row in self._rows(fetch, after + 1, newest_first=newest_first):
            try:
                yield to_record(row)
            except DamagedRow:
                self.passed_by += 1

    def look(self, position: Position, *, kinds: Collection[str], max_events: int, max_bytes: int) -> Batch:
        """Return what lies from a position on, for a destination that takes these kinds; raises `SpoolError`."""
        with _translated(self._directory):
            return collect(
                self._connection,
                position,
                _UNBOUNDED,
                kinds=kinds,
                max_events=max_events,
                max_bytes=max_bytes,
                damage=Damage(),
            )

    def rejected(self) -> Iterator[RejectedEntry]:
        """Yield what destinations refused for good, oldest first."""
        from spool import rejected

        for row in self._rows(partial(rejected.rows, self._connection), 1):
            entry = rejected.entry_of(row)
            if entry is not None:
                yield entry

    def _rows(self, fetch: Fetch, first: int, *, newest_first: bool = False) -> Iterator[Sequence[Any]]:
        reading = AroundDamage(fetch, newest_first=newest_first)
        rows = reading.rows(first, _UNBOUNDED)
        while True:
            with _translated(self._directory):
                row = next(rows, None)
            if row is None:
                break
            yield row
        self.passed_by += reading.passed_by

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _identity(directory: Path) -> tuple[int, int] | None:
    """Return which file the database is. It is never opened for this: that would drop SQLite's locks."""
    try:
        found = (directory / schema.DATABASE).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _translated:  # noqa: N801 - used as a statement
    """Turn what SQLite raises into a `SpoolError` with a hint."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise SpoolError(
                f"the spool in {self._directory} cannot be read: {error}",
                "the daemon repairs it when it starts",
            ) from None


def _connect(path: Path) -> sqlite3.Connection:
    try:
        if not path.exists():
            raise SpoolError(f"there is no spool in {path.parent}", "has the daemon run yet? `sts-agent run`")
        connection = schema.open_reader(path)
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except (PermissionError, sqlite3.OperationalError) as error:
        return _connect_immutable(path, error)
    except sqlite3.Error as error:
        raise SpoolError(f"{path} cannot be read: {error}", "the daemon repairs it when it starts") from None
    return connection


def _connect_immutable(path: Path, error: Exception) -> sqlite3.Connection:
    """Without the right to make a -shm beside it, a database that nobody has open can still be read."""
    wal = path.with_name(f"{path.name}-wal")
    with suppress(OSError, sqlite3.Error):
        if not wal.exists() or wal.stat().st_size == 0:
            uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            return connection
    why = "" if isinstance(error, PermissionError) else f": {error}"
    raise SpoolError(f"{path} may not be read{why}", "only its owner and root may: use sudo") from None
