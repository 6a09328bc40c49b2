"""What the database takes of the memory while nobody asks for it: its pages, up to 2 MiB after much was written. Given back at rest.

It never waits for anybody: a page that is asked for again is read from the file, which the kernel has at hand.
"""

import ctypes
import sqlite3
from collections.abc import Callable
from functools import cache


def give_back(connection: sqlite3.Connection) -> None:
    """Let go of the pages that a connection holds, and give what is free of the heap back to the kernel."""
    connection.execute("PRAGMA shrink_memory").fetchall()
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    """Return the C library's call, one that does nothing where that has none."""
    found: Callable[[int], object] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found or (lambda _: None)
