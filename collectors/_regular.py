"""Opening what somebody else may have put under a name: known for what it is before it is opened to be read.

A name may lead to a FIFO, a device, a link, or one of the agent's own files; closing any descriptor of
spool.db takes SQLite's locks away, and mapping its -shm short ends the process. So a name is opened as a mere
place first (O_PATH: nothing of the file is touched), looked at, and the very same file is opened to be read.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_PLACE = os.O_PATH | os.O_CLOEXEC
PLACE_ITSELF = _PLACE | os.O_NOFOLLOW
"""Opens what lies at a name, a link itself, as a mere place."""
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_LACKING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class IsOwn(Protocol):
    """Whether a file, by its status, or one of several is the agent's own, which nobody may open."""

    def __call__(self, *statuses: os.stat_result) -> bool:
        """Return whether one of them is."""
        ...


class Lacking(OSError):  # noqa: N818 - a state of the process
    """The process lacks descriptors, threads or memory, which no path is to blame for."""


class NotRegular(OSError):  # noqa: N818 - what the file is
    """What lies there is no regular file, or one of the agent's own."""


class Opened:
    """An open descriptor, which is closed at the end of a `with`; a generator would take as long as the opening itself."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def opened_name(name: str, *, dir_fd: int | None = None, follows: bool = False) -> Opened:
    """Open what lies at a name as a mere place; a link itself unless it `follows`."""
    return Opened(os.open(name, _PLACE if follows else PLACE_ITSELF, dir_fd=dir_fd))


def opened_place(place: int, is_own: IsOwn, status: os.stat_result | None = None) -> Opened:
    """Open the file at an open place to be read, whose status may be known; raise `NotRegular` for what is not to be opened."""
    before = status or os.fstat(place)
    if not stat.S_ISREG(before.st_mode):
        raise NotRegular(errno.EINVAL, "it is no regular file")
    if is_own(before):
        raise NotRegular(errno.EPERM, "it is one of the agent's own files")
    try:
        return Opened(os.open(f"/proc/self/fd/{place}", READ))
    except FileNotFoundError:
        raise NotRegular(errno.ENOSYS, "/proc is not mounted") from None


def content_of(path: Path) -> bytes:
    """Return what a file holds that the system alone can have put there; nothing where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


@contextmanager
def opened_regular(name: str, is_own: IsOwn) -> Iterator[int]:
    """Open the regular file that a name leads to, links followed, to be read."""
    with opened_name(name, follows=True) as place, opened_place(place, is_own) as fd:
        yield fd


def may_lack(error: BaseException) -> bool:
    """Return whether an error is of the kind that a process gets that lacks descriptors, threads or memory."""
    return isinstance(error, Lacking) or (isinstance(error, OSError) and error.errno in _LACKING)


def start_thread(start: Callable[[], object]) -> None:
    """Start a thread; raise `Lacking` where the host has none left."""
    try:
        start()
    except RuntimeError as error:
        raise Lacking(errno.EAGAIN, f"no thread can be started: {error}") from error


def pass_on_lack(error: OSError) -> None:
    """Raise `Lacking` when an error met at some path is a lack of the process: then the path is not to blame."""
    if isinstance(error, Lacking):
        raise error
    if error.errno == errno.ENOMEM or (error.errno in _LACKING and not _can_open()):
        raise Lacking(error.errno, error.strerror or "") from error


def _can_open() -> bool:
    """Return whether there are descriptors after all: a file system of somebody else's may answer anything."""
    try:
        os.close(os.eventfd(0, os.EFD_CLOEXEC))
    except OSError:
        return False
    return True
