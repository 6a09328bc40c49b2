"""How large a file is, for who asks again and again while it is written: without asking when it changed.

Since Linux 6.13 a file whose times were asked for gets the exact time with its next write; else it gets that of the kernel's last tick, which it
has already where it is written often. A time that is new is written with the next sync, on some file systems by a write of its own: to ask
for the -wal with `os.stat` after each commit made each commit a third dearer. Python has no call that asks for the size alone (statx).
"""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_AT_FDCWD, _STATX_SIZE = -100, 0x200
_SIZEOF_STATX, _OFFSETOF_SIZE = 256, 40

Statx = Callable[[int, bytes, int, int, Any], int]


def asked_of(path: Path, statx: Statx | None = None) -> Callable[[], int]:
    """Return what says how large a file is, 0 where there is none; for one thread at a time."""
    name, ask = os.fsencode(path), statx or _statx()
    if ask is None:
        return lambda: _by_stat(name)
    buffer = ctypes.create_string_buffer(_SIZEOF_STATX)
    size = ctypes.c_uint64.from_buffer(buffer, _OFFSETOF_SIZE)

    def find() -> int:
        return size.value if ask(_AT_FDCWD, name, 0, _STATX_SIZE, buffer) == 0 else _by_stat(name)

    return find


def _statx() -> Statx | None:
    """Return the C library's call, None where that has none."""
    found = getattr(ctypes.CDLL(None), "statx", None)
    if found is not None:
        found.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p]
    return found


def _by_stat(name: bytes) -> int:
    try:
        return os.stat(name).st_size  # noqa: PTH116 - a name as the kernel takes it
    except OSError:
        return 0
