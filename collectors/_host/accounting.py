"""The host's login accounting: wtmp, where init notes every boot and shutdown, and utmp, its run level.

"After the last heartbeat" is told by the place in the file, not by times: clocks step, places do not.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

WTMP = Path("var/log/wtmp")
UTMP = Path("run/utmp")

_RUN_LEVEL = 1
_BOOT_TIME = 2
_MAX_BYTES = 4 * 1024 * 1024

# utmp(5), glibc's bits/utmp.h: type, pid, line, id, user, host, exit status, session, seconds,
# microseconds, address, and room. Where 32-bit programs share the files, times have 32 bits.
_NARROW = struct.Struct("=hxxi32x4x32s256x4xiii16x20x")
_WIDE = struct.Struct("=hxxi32x4x32s256x4xqqq16x20x4x")
_NARROW_MACHINES = ("x86", "i386", "i486", "i586", "i686", "ppc", "sparc", "mips", "arm")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """How far a file reached: its inode and its size."""

    inode: int
    size: int


class Turn(NamedTuple):
    """A boot or a shutdown, as wtmp knows it."""

    kind: Literal["boot", "shutdown"]
    timestamp: int


def layout(machine: str = os.uname().machine) -> struct.Struct:
    """Return how this architecture writes one entry."""
    return _NARROW if machine.startswith(_NARROW_MACHINES) else _WIDE


def parse_turns(data: bytes, entry: struct.Struct = _NARROW) -> list[Turn]:
    """Return the boots and shutdowns in a wtmp file, in their order; a torn last entry is left out."""
    return [turn for fields in _entries(data, entry) if (turn := _turn(*fields)) is not None]


def parse_run_level(data: bytes, entry: struct.Struct = _NARROW) -> str:
    """Return the run level in a utmp file, as `6`; empty where there is none."""
    levels = [pid % 256 for type_, pid, user, *_ in _entries(data, entry) if type_ == _RUN_LEVEL]
    return chr(levels[-1]) if levels and levels[-1] else ""


def read_place(root: Path = Path("/")) -> Place | None:
    """Read how far wtmp reaches now; None where the host keeps none."""
    try:
        stat = (root / WTMP).stat()
    except OSError:
        return None
    return Place(stat.st_ino, stat.st_size)


def read_turns_since(place: Place | None, wall: float, root: Path = Path("/")) -> list[Turn]:
    """Read the boots and shutdowns noted behind `place`, also when wtmp was rotated since.

    Where the place is gone (a restored or copied file system), those later than `wall`.
    """
    current, rotated = root / WTMP, root / WTMP.with_name("wtmp.1")
    now = read_place(root)
    if now is None:
        return []
    if place is not None and now.inode == place.inode:
        start = place.size if now.size >= place.size else 0  # else copied and truncated
        return parse_turns(_read_from(current, start), layout())
    if place is not None and _inode(rotated) == place.inode:
        return parse_turns(_read_from(rotated, place.size) + _read_from(current, 0), layout())
    return [turn for turn in parse_turns(_read_from(current, 0), layout()) if turn.timestamp > wall]


def read_run_level(root: Path = Path("/")) -> str:
    """Read the run level of a host with a System V init; `6` while it reboots, `0` while it halts."""
    return parse_run_level(_read_from(root / UTMP, 0), layout())


def _entries(data: bytes, entry: struct.Struct) -> Iterator[tuple[int, int, bytes, int, int, int]]:
    yield from entry.iter_unpack(data[: len(data) // entry.size * entry.size])


def _turn(type_: int, _pid: int, user: bytes, _session: int, seconds: int, _microseconds: int) -> Turn | None:
    if type_ == _BOOT_TIME:
        return Turn("boot", seconds)
    if type_ == _RUN_LEVEL and user.rstrip(b"\0") == b"shutdown":
        return Turn("shutdown", seconds)
    return None


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _read_from(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(_MAX_BYTES)
    except OSError:
        return b""
