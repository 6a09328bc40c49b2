"""Opening directories component by component, so that no planted link leads anywhere else.

Links are followed only at the places that the configuration itself names (`named`): an operator may
well write a path that runs over a link, but nobody who can write into a watched directory may point us
at what he may not read himself.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from collectors._regular import pass_on_lack

_PATH_ONLY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_LISTABLE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Directory:
    """An open directory."""

    path: str
    """As the configuration spells it; `` is the root of the file system."""
    real: str
    """Without the links that were followed on the way."""
    fd: int
    is_public: bool
    """Whether everybody may pass through it and all its parents."""
    status: os.stat_result
    parent_device: int


def _never(_: str) -> bool:
    return False


@contextmanager
def opened(
    path: str, may_follow: Callable[[str], bool] = _never, *, listable: bool = False
) -> Iterator[Directory]:
    """Open the directory at an absolute `path`; raises the `OSError` of the component that failed."""
    fd = os.open("/", _LISTABLE if listable and not path else _PATH_ONLY)
    try:
        status = os.fstat(fd)
        is_public = _passable(status)
        done = real = ""
        device = status.st_dev
        components = path.split("/")[1:]
        for index, name in enumerate(components):
            done += "/" + name
            flags = _LISTABLE if listable and index == len(components) - 1 else _PATH_ONLY
            inner, followed = _open_child(fd, name, flags, may_follow=may_follow(done))
            os.close(fd)
            fd = inner
            device = status.st_dev
            status = os.fstat(fd)
            real = real_path(fd) if followed else f"{real}/{name}"
            is_public = (_is_public_place(fd) if followed else is_public) and _passable(status)
        yield Directory(path, real, fd, is_public, status, device)
    finally:
        os.close(fd)


@contextmanager
def opened_child(parent: Directory, name: str, *, may_follow: bool) -> Iterator[Directory]:
    """Open the directory `name` in `parent`, to be listed."""
    fd, followed = _open_child(parent.fd, name, _LISTABLE, may_follow=may_follow)
    try:
        status = os.fstat(fd)
        is_public = (_is_public_place(fd) if followed else parent.is_public) and _passable(status)
        real = real_path(fd) if followed else f"{parent.real}/{name}"
        path = f"{parent.path}/{name}"
        yield Directory(path, real, fd, is_public, status, parent.status.st_dev)
    finally:
        os.close(fd)


def real_path(fd: int) -> str:
    """Return where an open descriptor lies, without any link in it."""
    return os.readlink(f"/proc/self/fd/{fd}").rstrip("/")


def _open_child(fd: int, name: str, flags: int, *, may_follow: bool) -> tuple[int, bool]:
    """Return the descriptor, and whether a link was followed to it."""
    try:
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=fd), False
    except OSError as error:
        pass_on_lack(error)
        if not may_follow or not stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            raise
    return os.open(name, flags, dir_fd=fd), True


def _is_public_place(fd: int) -> bool:
    try:
        with opened(real_path(fd)) as directory:
            return directory.is_public and directory.status.st_ino == os.fstat(fd).st_ino
    except OSError as error:
        pass_on_lack(error)
        return False


def _passable(status: os.stat_result) -> bool:
    return bool(status.st_mode & stat.S_IXOTH)
