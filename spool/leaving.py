"""How local programs leave a file for the daemon: whole and on disk, or not at all.

It may be called by root, in a directory that is another user's and into which a group may write. So the directory
is opened once and held: nothing in it, nor the directory itself, is followed as a link.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from spool import failpoints
from spool.errors import SpoolError, SpoolFull
from spool.incoming import DIRECTORY, MAX_FILE_BYTES, NAME, make_directory

_MAX_FILES = 10_000
_FILE_MODE = 0o640  # of the directory's group, so that the daemon may read what others leave
_ASK_FOR_RIGHTS = "join the group of the directory, or use sudo"
_MAKE_ROOM = "free some space on its disk"
_HINTS = {
    errno.EACCES: _ASK_FOR_RIGHTS,
    errno.EPERM: _ASK_FOR_RIGHTS,
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.EROFS: "its file system is read-only: look at `dmesg`",
}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def leave_in_incoming(directory: Path, identifier: str, body: bytes) -> None:
    """Leave `body` for the daemon of the spool in `directory`; on disk when it returns.

    Leaving the same identifier again replaces it. Raises `SpoolError` with a hint.
    """
    if not NAME.fullmatch(identifier):
        raise SpoolError(f"{identifier!r} is no name for a file", "use a UUID")
    if len(body) > MAX_FILE_BYTES:
        raise SpoolError(f"{len(body)} bytes are too many", f"leave at most {MAX_FILE_BYTES} at once")
    incoming = directory / DIRECTORY
    try:
        make_directory(directory)
        place = os.open(incoming, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _put_again_if_removed(place, identifier, body)
        finally:
            os.close(place)
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, "look at what lies there")
        raise SpoolError(f"{incoming} takes nothing: {error.strerror}", hint) from None


def _put_again_if_removed(place: int, identifier: str, body: bytes) -> None:
    try:
        _put(place, identifier, body)
    except FileNotFoundError:
        # A daemon that starts just after its clock was set far forward takes a file of this moment for a leftover.
        _put(place, identifier, body)


def _put(place: int, identifier: str, body: bytes) -> None:
    if _is_full(place):
        raise SpoolFull(f"{DIRECTORY} holds {_MAX_FILES} files", "start the daemon: it takes them in")
    temporary = f".{identifier}.{os.urandom(6).hex()}"
    descriptor = os.open(temporary, _NEW, 0o600, dir_fd=place)
    try:
        _fill(descriptor, place, body)
        failpoints.reached("incoming.written")
        os.rename(temporary, identifier, src_dir_fd=place, dst_dir_fd=place)
        failpoints.reached("incoming.renamed")
        _sync_name(place, descriptor)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=place)
        raise
    finally:
        os.close(descriptor)


def _fill(descriptor: int, place: int, body: bytes) -> None:
    with suppress(PermissionError):  # not of that group: the daemon reads it by its owner, or its capability
        os.fchown(descriptor, -1, os.fstat(place).st_gid)
    os.fchmod(descriptor, _FILE_MODE)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(body)
    os.fsync(descriptor)


def _is_full(place: int) -> bool:
    try:
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place)
    except PermissionError:
        return False  # members of its group may put files in, and not look what others left
    try:
        with os.scandir(readable) as entries:
            return sum(1 for _ in entries) >= _MAX_FILES
    finally:
        os.close(readable)


def _sync_name(place: int, descriptor: int) -> None:
    """Have a new name survive a power loss, also for those who may not open the directory it is in."""
    try:
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place)
    except PermissionError:
        import ctypes  # costs a quick command more than all the rest, and only members of the group come here

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())) from None
        return
    try:
        os.fsync(readable)
    finally:
        os.close(readable)
