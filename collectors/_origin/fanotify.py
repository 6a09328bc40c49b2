"""fanotify as the kernel has it (fanotify(7)): groups, marks of directories, and what a group's descriptor reads.

Layouts and system calls alone: nothing is remembered or decided here. No event carries a descriptor of a file, so nothing
that changed is opened; what says of which process it is does, and whoever parses an event closes that.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

MODIFY, ATTRIB, CLOSE_WRITE = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
OPEN_EXEC = 0x1000
QUEUE_OVERFLOWED = 0x4000
ON_DIRECTORY = 0x40000000
CHANGES = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | ON_DIRECTORY

_ON_CHILD = 0x08000000
_CLOEXEC, _NONBLOCK, _REPORT_PIDFD, _REPORT_DIRECTORY, _REPORT_NAME = 0x1, 0x2, 0x80, 0x400, 0x800
_MARK_ADD, _MARK_FLUSH, _MARK_ONLY_DIRECTORY = 0x1, 0x80, 0x8
_AT_FDCWD, _AT_EMPTY_PATH, _AT_HANDLE_FID = -100, 0x1000, 0x200
_MAX_HANDLE_BYTES = 128
_VERSION = 3
_METADATA = struct.Struct("=IBBHQii")
_INFORMATION = struct.Struct("=BBH")
_FSID_BYTES = 8
_HANDLE = struct.Struct("=Ii")
_DIRECTORY_AND_NAME, _PIDFD = 2, 4

_LIBC = ctypes.CDLL(None, use_errno=True)


class Event(NamedTuple):
    """One thing that a process did to a name in a marked directory, or the word that some were lost."""

    mask: int
    pid: int
    pidfd: int
    """Of that process, open; negative where it is over or belongs to another namespace."""
    directory: bytes
    """As `handle_of` has it."""
    name: str
    """`.` for the directory itself."""


def make_group() -> int:
    """Return a new group that reports processes; raises OSError, EPERM without CAP_SYS_ADMIN, EINVAL before Linux 5.15."""
    flags = _CLOEXEC | _NONBLOCK | _REPORT_PIDFD | _REPORT_DIRECTORY | _REPORT_NAME
    return checked(_LIBC.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC))


def mark_directory(group: int, fd: int, mask: int) -> None:
    """Have what happens in an open directory reported; raises OSError, ENOSPC at the limit of marks."""
    _mark(group, _MARK_ADD | _MARK_ONLY_DIRECTORY, mask, f"/proc/self/fd/{fd}")


def unmark_everything(group: int) -> None:
    """Have nothing reported any more; raises OSError."""
    _mark(group, _MARK_FLUSH, 0, "/")


def _mark(group: int, flags: int, mask: int, path: str) -> None:
    events = ctypes.c_uint64(mask | _ON_CHILD if mask else 0)
    checked(_LIBC.fanotify_mark(group, flags, events, _AT_FDCWD, path.encode()))


class _Handle(ctypes.Structure):
    _fields_ = (
        ("handle_bytes", ctypes.c_uint),
        ("handle_type", ctypes.c_int),
        ("handle", ctypes.c_ubyte * _MAX_HANDLE_BYTES),
    )


def handle_of(fd: int) -> bytes:
    """Return how events name an open directory: its file system and its handle; raises OSError where it has none."""
    handle = _Handle(_MAX_HANDLE_BYTES)
    mount = ctypes.c_int()
    for flags in (_AT_EMPTY_PATH | _AT_HANDLE_FID, _AT_EMPTY_PATH):
        said = _LIBC.name_to_handle_at(fd, b"", ctypes.byref(handle), ctypes.byref(mount), flags)
        number = ctypes.get_errno()
        if said == 0:
            fsid = os.fstatvfs(fd).f_fsid.to_bytes(_FSID_BYTES, "little")
            head = _HANDLE.pack(handle.handle_bytes, handle.handle_type)
            return fsid + head + bytes(handle.handle[: handle.handle_bytes])
        if number != errno.EINVAL:  # EINVAL: a kernel before 6.5, which knows no _AT_HANDLE_FID
            break
    raise OSError(number, os.strerror(number))


def parse_events(data: bytes) -> Iterator[Event]:
    """Yield what a read of a group's descriptor returned; raises ValueError for what no kernel known here says."""
    at = 0
    while at < len(data):
        length, version, _, start, mask, _, pid = _METADATA.unpack_from(data, at)
        if version != _VERSION or length < _METADATA.size:
            raise ValueError(f"the kernel speaks version {version} of fanotify, known is {_VERSION}")
        pidfd, directory, name = -1, b"", ""
        for kind, part in _parts(data[at + start : at + length]):
            if kind == _PIDFD:
                pidfd = int.from_bytes(part[:4], "little", signed=True)
            elif kind == _DIRECTORY_AND_NAME:
                directory, name = _parse_place(part)
        yield Event(mask, pid, pidfd, directory, name)
        at += length


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _INFORMATION.size <= len(data):
        kind, _, length = _INFORMATION.unpack_from(data, at)
        if length < _INFORMATION.size:
            return
        yield kind, data[at + _INFORMATION.size : at + length]
        at += length


def _parse_place(part: bytes) -> tuple[bytes, str]:
    handle_bytes, _ = _HANDLE.unpack_from(part, _FSID_BYTES)
    end = _FSID_BYTES + _HANDLE.size + handle_bytes
    return part[:end], os.fsdecode(part[end:].partition(b"\0")[0])


def checked(said: int) -> int:
    """Return what a call of the C library returned; raises OSError where that is less than 0."""
    if said < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return said
