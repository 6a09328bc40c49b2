"""Entries of utmp and wtmp, as glibc lays them out on this machine; utmp(5). Pure.

Shared by the collectors that read login accounting: the layout differs between machines, and three ideas of
it would drift apart. It decides nothing.
"""

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

RUN_LEVEL, BOOT_TIME, USER_PROCESS = 1, 2, 7
"""Types of entries that somebody asks for."""

# type, pid, line, (id,) user, host, (exit status, session,) seconds, (microseconds, address, room). Where
# 32-bit programs share the files, times have 32 bits.
_NARROW = struct.Struct("=hxxi32s4x32s256s4x4xi4x16x20x")
_WIDE = struct.Struct("=hxxi32s4x32s256s4x8xq8x16x20x4x")
_NARROW_MACHINES = ("x86", "i386", "i486", "i586", "i686", "ppc", "sparc", "mips", "arm")


class Entry(NamedTuple):
    """One entry; `seconds` since the epoch."""

    type: int
    pid: int
    line: str
    user: str
    host: str
    seconds: int


def layout(machine: str = os.uname().machine) -> struct.Struct:
    """Return how an architecture writes one entry."""
    return _NARROW if machine.startswith(_NARROW_MACHINES) else _WIDE


def parse_entries(data: bytes, machine: str = os.uname().machine) -> Iterator[Entry]:
    """Yield the entries of a file in their order; a torn last one is left out."""
    entry = layout(machine)
    for type_, pid, line, user, host, seconds in entry.iter_unpack(
        data[: len(data) // entry.size * entry.size]
    ):
        yield Entry(type_, pid, _text(line), _text(user), _text(host), seconds)


def parse_run_level(data: bytes, machine: str = os.uname().machine) -> str:
    """Return the run level in a utmp file, as `6`; empty where there is none."""
    levels = [entry.pid % 256 for entry in parse_entries(data, machine) if entry.type == RUN_LEVEL]
    return chr(levels[-1]) if levels and levels[-1] else ""


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "replace")
