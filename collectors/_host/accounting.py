"""The host's login accounting: wtmp, where init notes every boot and shutdown, and utmp, its run level.

"After the last heartbeat" is told by the place in the file, not by times: clocks step, places do not.
"""

import os
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from collectors._utmp import BOOT_TIME, RUN_LEVEL, Entry, parse_entries, parse_run_level

WTMP = Path("var/log/wtmp")
UTMP = Path("run/utmp")

_MAX_BYTES = 4 * 1024 * 1024


class Place(msgspec.Struct, frozen=True, array_like=True):
    """How far a file reached: its inode and its size."""

    inode: int
    size: int


class Turn(NamedTuple):
    """A boot or a shutdown, as wtmp knows it."""

    kind: Literal["boot", "shutdown"]
    timestamp: int


def parse_turns(data: bytes, machine: str = os.uname().machine) -> list[Turn]:
    """Return the boots and shutdowns in a wtmp file, in their order; a torn last entry is left out."""
    return [turn for entry in parse_entries(data, machine) if (turn := _turn(entry)) is not None]


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
        return parse_turns(_read_from(current, start))
    if place is not None and _inode(rotated) == place.inode:
        return parse_turns(_read_from(rotated, place.size) + _read_from(current, 0))
    return [turn for turn in parse_turns(_read_from(current, 0)) if turn.timestamp > wall]


def read_run_level(root: Path = Path("/")) -> str:
    """Read the run level of a host with a System V init; `6` while it reboots, `0` while it halts."""
    return parse_run_level(_read_from(root / UTMP, 0))


def _turn(entry: Entry) -> Turn | None:
    if entry.type == BOOT_TIME:
        return Turn("boot", entry.seconds)
    if entry.type == RUN_LEVEL and entry.user == "shutdown":
        return Turn("shutdown", entry.seconds)
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
