"""Files that local programs leave while the daemon is down: one record's worth each.

A file appears whole or not at all (write, sync, rename, sync the directory). The daemon takes it in,
remembers its name in the same transaction, and only then unlinks it; so it is taken in once, whenever
either of them is killed. What cannot be taken in is moved to `incoming-refused`, never thrown away
unseen.
"""

import logging
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from spool import failpoints, modes, refused_files
from spool.table import checksum

DIRECTORY = modes.INCOMING
REFUSED = refused_files.DIRECTORY
REFUSED_BYTES = 8 * 1024 * 1024
MAX_FILE_BYTES = 4 * 1024 * 1024
_LEFTOVER_SECONDS = 3600
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")

log = logging.getLogger(__name__)


def make_directory(directory: Path) -> None:
    """Make the place for incoming files, writable for the group that owns it."""
    incoming = directory / DIRECTORY
    with suppress(FileExistsError):
        incoming.mkdir(parents=True)
        _hand_over(incoming, directory)
        sync_directory(directory)


def _hand_over(incoming: Path, directory: Path) -> None:
    """Give the new directory to whoever owns the spool; what he may have put in its place stays as it is."""
    descriptor = os.open(incoming, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            return
        if os.geteuid() == 0:
            owner = directory.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.fchmod(descriptor, modes.INCOMING_MODE)
    finally:
        os.close(descriptor)


def ingested_before(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the names of files that are in and may not have been removed yet."""
    rows = connection.execute("SELECT id, crc FROM ingested").fetchall()
    return frozenset(name for name, crc in rows if checksum("ingested", (name,)) == crc)


def waiting(directory: Path, ingested: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file that was not taken in before, oldest name first.

    Whatever reading one of them raises is its own trouble: it is set aside, and the next one is read.
    """
    for name in names_waiting(directory):
        if name in ingested:
            unlink(directory, [name])
            continue
        try:
            body = _read(directory, name)
        except Exception as error:  # noqa: BLE001 - one file keeps no other from being taken in
            refuse(directory, name, f"{type(error).__name__}: {error}")
            continue
        if body is not None:
            yield name, body


def names_waiting(directory: Path) -> list[str]:
    """Return the names of what lies in `incoming/`, in order, without what is still being written."""
    try:
        names = (path.name for path in (directory / DIRECTORY).iterdir())
        return sorted(name for name in names if not name.startswith("."))
    except OSError:
        return []


def unlink(directory: Path, names: Sequence[str]) -> None:
    """Remove files that were taken in."""
    for name in names:
        with suppress(OSError):
            (directory / DIRECTORY / name).unlink(missing_ok=True)
    failpoints.reached("incoming.unlinked")
    with suppress(OSError):
        sync_directory(directory / DIRECTORY)


def remove_leftovers(directory: Path) -> None:
    """Remove what programs that were killed in the middle of writing have left."""
    with suppress(OSError):
        for path in (directory / DIRECTORY).glob(".*"):
            if time.time() - path.lstat().st_mtime > _LEFTOVER_SECONDS:
                path.unlink()


def refuse(directory: Path, name: str, reason: str) -> None:
    """Move a file that cannot be taken in out of the way, and say so."""
    refused_files.set_aside(directory / DIRECTORY / name, reason, REFUSED_BYTES)


def remember_ingested(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Remember inside the open transaction that these files are in."""
    connection.executemany(
        "INSERT OR REPLACE INTO ingested (id, crc) VALUES (?, ?)",
        [(name, checksum("ingested", (name,))) for name in names],
    )


def forget_ingested(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Forget files that are gone."""
    connection.executemany("DELETE FROM ingested WHERE id = ?", [(name,) for name in names])


def sync_directory(directory: Path) -> None:
    """Have what was made, renamed or removed in a directory survive a power loss."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(directory: Path, name: str) -> bytes | None:
    """Return a file's bytes, or None after setting it aside; links and pipes are never followed."""
    try:
        descriptor = os.open(
            directory / DIRECTORY / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        refuse(directory, name, error.strerror or "it cannot be opened")
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            problem = "it is no regular file"
        elif status.st_size > MAX_FILE_BYTES:
            problem = f"it is larger than {MAX_FILE_BYTES} bytes"
        elif not NAME.fullmatch(name):
            problem = "its name is none of ours"
        else:
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(MAX_FILE_BYTES)
    except OSError as error:
        problem = error.strerror or "it cannot be read"
    finally:
        os.close(descriptor)
    refuse(directory, name, problem)
    return None
