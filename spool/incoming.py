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

from spool import fault, modes
from spool.errors import SpoolError, SpoolFull
from spool.row import checksum

DIRECTORY = modes.INCOMING
REFUSED = "incoming-refused"
MAX_FILE_BYTES = 4 * 1024 * 1024
_MAX_FILES = 10_000
_LEFTOVER_SECONDS = 3600
_MAX_REFUSED = 100
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_FILE_MODE = 0o640  # of the directory's group, so that the daemon may read what others leave

log = logging.getLogger(__name__)


def leave_in_incoming(directory: Path, identifier: str, body: bytes) -> None:
    """Leave `body` for the daemon of the spool in `directory`; on disk when it returns.

    Leaving the same identifier again replaces it. Raises `SpoolError` with a hint.
    """
    if not _NAME.fullmatch(identifier):
        raise SpoolError(f"{identifier!r} is no name for a file", "use a UUID")
    if len(body) > MAX_FILE_BYTES:
        raise SpoolError(f"{len(body)} bytes are too many", f"leave at most {MAX_FILE_BYTES} at once")
    incoming = directory / DIRECTORY
    try:
        make_directory(directory)
        if _is_full(incoming):
            raise SpoolFull(f"{incoming} holds {_MAX_FILES} files", "start the daemon: it takes them in")
        temporary = incoming / f".{identifier}.{os.urandom(6).hex()}"
        _write(temporary, body)
        fault.reached("incoming.written")
        temporary.rename(incoming / identifier)
        fault.reached("incoming.renamed")
        _sync_name(incoming, identifier)
    except OSError as error:
        raise SpoolError(
            f"{incoming} takes nothing: {error.strerror}", "join the group of the directory, or use sudo"
        ) from None


def make_directory(directory: Path) -> None:
    """Make the place for incoming files, writable for the group that owns it."""
    incoming = directory / DIRECTORY
    with suppress(FileExistsError):
        incoming.mkdir(parents=True)
        if os.geteuid() == 0:
            owner = directory.stat()
            os.chown(incoming, owner.st_uid, owner.st_gid)
        incoming.chmod(modes.INCOMING_MODE)
        sync_directory(directory)


def taken_before(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the names of files that are in and may not have been removed yet."""
    rows = connection.execute("SELECT id, crc FROM taken").fetchall()
    return frozenset(name for name, crc in rows if checksum("taken", (name,)) == crc)


def waiting(directory: Path, taken: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file that was not taken in before, oldest name first."""
    incoming = directory / DIRECTORY
    try:
        names = sorted(path.name for path in incoming.iterdir())
    except OSError:
        return
    for name in names:
        if name.startswith("."):
            continue
        if name in taken:
            unlink(directory, [name])
            continue
        body = _read(directory, name)
        if body is not None:
            yield name, body


def unlink(directory: Path, names: Sequence[str]) -> None:
    """Remove files that were taken in."""
    for name in names:
        with suppress(OSError):
            (directory / DIRECTORY / name).unlink(missing_ok=True)
    fault.reached("incoming.unlinked")
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
    refused = directory / REFUSED
    log.warning("the incoming file %s was set aside in %s: %s", name, refused, reason)
    with suppress(OSError):
        refused.mkdir(mode=0o700, exist_ok=True)
        (directory / DIRECTORY / name).rename(refused / name)
        kept = sorted(refused.iterdir(), key=lambda path: path.lstat().st_mtime)
        for surplus in kept[:-_MAX_REFUSED]:
            surplus.unlink()


def remember_taken(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Remember inside the open transaction that these files are in."""
    connection.executemany(
        "INSERT OR REPLACE INTO taken (id, crc) VALUES (?, ?)",
        [(name, checksum("taken", (name,))) for name in names],
    )


def forget_taken(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Forget files that are gone."""
    connection.executemany("DELETE FROM taken WHERE id = ?", [(name,) for name in names])


def sync_directory(directory: Path) -> None:
    """Have what was made, renamed or removed in a directory survive a power loss."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_full(incoming: Path) -> bool:
    try:
        with os.scandir(incoming) as entries:
            return sum(1 for _ in entries) >= _MAX_FILES
    except PermissionError:
        return False  # members of its group may put files in, and not look what others left


def _sync_name(incoming: Path, name: str) -> None:
    """Have a new name survive a power loss, also for those who may not open the directory it is in."""
    try:
        sync_directory(incoming)
    except PermissionError:
        import ctypes  # costs a quick command more than all the rest, and only members of the group come here

        descriptor = os.open(incoming / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.syncfs(descriptor) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())) from None
        finally:
            os.close(descriptor)


def _write(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with suppress(
            PermissionError
        ):  # not of that group: then the daemon reads it by its owner, or its capability
            os.fchown(descriptor, -1, path.parent.stat().st_gid)
        os.fchmod(descriptor, _FILE_MODE)
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(body)
        os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
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
        elif not _NAME.fullmatch(name):
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
