"""The rows of what is remembered as they lie on the disk: each with its checksum, read in key order, a page at a time."""

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import repeat
from operator import neg
from typing import Any, Protocol, TypeVar

from spool.errors import DamagedRow
from spool.table import checksum

PAGE_ROWS = 500
AFTER_EVERY_KEY = b"\xff" * 64

T = TypeVar("T")
Row = tuple[bytes, bytes, int]
"""Key, value and checksum."""


class Reading(Protocol):
    """Lends a connection for one piece of work; nobody keeps a statement open between pages."""

    def __call__(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        """Return what `work` returns."""
        ...


_SELECT_PAGE = (
    "SELECT key, value, crc FROM memory WHERE owner = ? AND key {after} ? AND key < ? ORDER BY key LIMIT ?"
)


def row_checksum(owner: str, key: bytes, value: bytes) -> int:
    """Return the checksum of one remembered key."""
    return zlib.crc32(value, zlib.crc32(key, _plain_checksum(owner, len(key))))


def row_checksums(owner: str, keys: Sequence[bytes], values: Iterable[bytes]) -> Iterator[int]:
    """Yield the checksums of remembered keys."""
    beginnings = map(_plain_checksum, repeat(owner), map(len, keys))
    return map(zlib.crc32, values, map(zlib.crc32, keys, beginnings))


def text_checksum(owner: str, key: bytes, text: bytes) -> int:
    """Return the checksum of one remembered text."""
    return zlib.crc32(text, zlib.crc32(key, _plain_checksum(owner, -len(key))))


def text_checksums(owner: str, keys: Sequence[bytes], texts: Iterable[bytes]) -> Iterator[int]:
    """Yield the checksums of remembered texts."""
    beginnings = map(_plain_checksum, repeat(owner), map(neg, map(len, keys)))
    return map(zlib.crc32, texts, map(zlib.crc32, keys, beginnings))


@lru_cache(maxsize=1024)
def _plain_checksum(owner: str, key_length: int) -> int:
    return checksum("memory", (owner, key_length))


def is_whole_row(row: Sequence[Any]) -> bool:
    """Return whether a row of `memory`, in the order of its columns, is what was stored."""
    try:
        return bool(row_checksum(row[0], row[1], row[3]) == row[2])
    except Exception:  # noqa: BLE001 - whatever a damaged row makes Python do, it is the row's damage
        return False


def page_through(reading: Reading, owner: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes, int]]:
    """Yield key, value and checksum in key order, a page at a time; raises `DamagedRow`."""
    for page in pages(reading, owner, prefix, _end_of(prefix)):
        yield from page


def pages(
    reading: Reading, owner: str, start: bytes = b"", end: bytes = AFTER_EVERY_KEY
) -> Iterator[list[Row]]:
    """Yield the rows with start <= key < end in key order, a page of them at a time; raises `DamagedRow`."""
    after, comparison = start, ">="
    while True:
        statement = _SELECT_PAGE.format(after=comparison)
        values = (owner, after, end, PAGE_ROWS)
        rows: list[Row] = reading(partial(fetch, statement, values))
        _check(owner, rows)
        yield rows
        if len(rows) < PAGE_ROWS:
            return
        after, comparison = rows[-1][0], ">"


def _check(owner: str, rows: list[Row]) -> None:
    """Raise `DamagedRow` unless each row is as it was stored."""
    if not rows:
        return
    keys, values, stored = zip(*rows, strict=True)
    with suppress(TypeError):  # a value that is no bytes has no checksum
        if tuple(row_checksums(owner, keys, values)) == stored:
            return
    raise DamagedRow("memory", (owner, next(row[0] for row in rows if not is_stored(owner, *row))))


def is_stored(owner: str, key: bytes, value: Any, crc: int) -> bool:
    """Return whether a row is as it was stored, whatever type its value has now."""
    return isinstance(value, bytes) and row_checksum(owner, key, value) == crc


def _end_of(prefix: bytes) -> bytes:
    """Return the first key after all that start with `prefix`."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else AFTER_EVERY_KEY


def fetch(statement: str, values: tuple[Any, ...], connection: sqlite3.Connection) -> list[Any]:
    """Return what a statement finds; with `partial`, a piece of work for `Reading`."""
    return connection.execute(statement, values).fetchall()
