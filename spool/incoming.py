"""Files that local programs leave while the daemon is down: one record's worth each.

A file appears whole or not at all (write, sync, rename, sync the directory). The daemon takes it in,
remembers its name in the same transaction, and only then unlinks it; so it is taken in once, whenever
either of them is killed. What cannot be taken in is moved to `incoming-refused`, never thrown away
unseen.
"""

import errno
import heapq
import logging
import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from spool import contents, failpoints, modes, refused_files
from spool.table import checksum

DIRECTORY = contents.INCOMING
REFUSED = refused_files.DIRECTORY
REFUSED_BYTES = 8 * 1024 * 1024
MAX_FILE_BYTES = 4 * 1024 * 1024
_NAMES_AT_ONCE = 10_000
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


def waiting(
    directory: Path, ingested: frozenset[str], refuse: Callable[[str, str], None]
) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file that was not taken in before, oldest name first.

    Whatever reading one of them raises is its own trouble: `refuse` is told its name and why, and the next one is read.
    """
    for name in names_waiting(directory):
        if name in ingested:
            unlink(directory, [name])
            continue
        try:
            body = _read(directory, name, refuse)
        except Exception as error:  # noqa: BLE001 - one file keeps no other from being taken in
            refuse(name, f"{type(error).__name__}: {error}")
            continue
        if body is not None:
            yield name, body


def names_waiting(directory: Path) -> Iterator[str]:
    """Yield the names of what lies in `incoming/`, files first and in order, without what is still being written.

    They are read in pages: a directory of a million names takes no more memory than one of ten thousand.
    """
    last = (False, "")
    while page := _page_of_names(directory, last):
        yield from (name for _, name in page)
        last = page[-1]


def are_few_files(directory: Path, most: int) -> bool:
    """Return whether nothing lies in `incoming/` but so many files at most; no more than one beyond that is looked at."""
    with os.scandir(directory / DIRECTORY) as entries:
        first = [entry.is_file(follow_symlinks=False) for entry in islice(entries, most + 1)]
    return len(first) <= most and all(first)


def _page_of_names(directory: Path, after: tuple[bool, str]) -> list[tuple[bool, str]]:
    """Return what comes next of all names, each with whether it is no file; nothing where they cannot be read."""
    try:
        with os.scandir(directory / DIRECTORY) as entries:
            found = (
                (not entry.is_file(follow_symlinks=False), entry.name)
                for entry in entries
                if not entry.name.startswith(".")
            )
            return heapq.nsmallest(_NAMES_AT_ONCE, (one for one in found if one > after))
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
    with suppress(OSError), os.scandir(directory / DIRECTORY) as entries:
        for entry in entries:
            with suppress(OSError):  # a directory, or somebody was quicker
                if entry.name.startswith(".") and _is_left_over(entry):
                    os.unlink(entry.path)  # noqa: PTH108 - there may be very many


def _is_left_over(entry: "os.DirEntry[str]") -> bool:
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFTOVER_SECONDS


def refuse(directory: Path, name: str, reason: str) -> "Refused":
    """Move a file that cannot be taken in out of the way, and say so; return what is known of it."""
    path = directory / DIRECTORY / name
    facts = _facts(path)
    refused_files.set_aside(path, reason, REFUSED_BYTES)
    return Refused(name, reason, *facts, is_left=os.path.lexists(path))


class Refused(NamedTuple):
    """A file that could not be taken in."""

    name: str
    reason: str
    size_bytes: int | None = None
    owner: int | None = None
    """Whose it is, as a number."""
    sha256: str = ""
    """Empty for what is no regular file, or too large to be read."""
    is_left: bool = False
    """It could not be set aside and lies there still."""


def _facts(path: Path) -> tuple[int | None, int | None, str]:
    """Return size, owner and hash of what lies there, as far as they can be known."""
    import hashlib  # brings OpenSSL, and is for refused files alone

    size = owner = None
    try:
        status = path.lstat()
        size, owner = status.st_size, status.st_uid
        with _opened(path) as file:
            return size, owner, hashlib.sha256(file.read(MAX_FILE_BYTES)).hexdigest()
    except OSError:
        return size, owner, ""


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


def _read(directory: Path, name: str, refuse: Callable[[str, str], None]) -> bytes | None:
    """Return a file's bytes, or None after setting it aside; links and pipes are never followed."""
    try:
        with _opened(directory / DIRECTORY / name) as file:
            if NAME.fullmatch(name):
                return file.read(MAX_FILE_BYTES)
            problem = "its name is none of ours"
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = error.strerror or "it cannot be opened"
    refuse(name, problem)
    return None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that somebody left; raises `OSError` for what is none, and opens nothing that may be the spool's own.

    Closing any descriptor of spool.db would drop SQLite's locks, and a hard link is as good as a name.
    """
    place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(place)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if status.st_nlink > 1:
            raise OSError(errno.EMLINK, "it has another name")
        if status.st_size > MAX_FILE_BYTES:
            raise OSError(errno.EFBIG, f"it is larger than {MAX_FILE_BYTES} bytes")
        with Path(f"/proc/self/fd/{place}").open("rb") as file:
            yield file
    finally:
        os.close(place)
