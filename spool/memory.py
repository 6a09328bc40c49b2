"""What the owners of records asked to have remembered: one row a key, committed with their records.

Each owner has a running count and digest over its rows, so that a row that vanished shows as well as
one that changed. Memory is all or nothing: half of it would make a collector report as new what it
has known for years, so an owner with damage is forgotten whole, and learns anew.
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import chain, repeat
from typing import Any, Protocol, TypeVar

from spool.errors import DamagedRow
from spool.table import checksum

PAGE_ROWS = 500
ROW_BYTES = 64
"""What a row takes besides its key and its value, pages that are not full included."""
_DIGEST_MASK = 0xFFFF_FFFF
_AFTER_EVERY_KEY = b"\xff" * 64

T = TypeVar("T")
_Row = tuple[bytes, bytes, int]
"""Key, value and checksum."""


class Reading(Protocol):
    """Lends a connection for one piece of work; nobody keeps a statement open between pages."""

    def __call__(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        """Return what `work` returns."""
        ...


_SELECT_PAGE = (
    "SELECT key, value, crc FROM memory WHERE owner = ? AND key {after} ? AND key < ? ORDER BY key LIMIT ?"
)


_INSERT = "INSERT INTO memory (owner, key, crc, value) VALUES (?, ?, ?, ?)"
_ROWS_AT_ONCE = 64
_FURTHER_ROWS = ", (?, ?, ?, ?)" * (_ROWS_AT_ONCE - 1)


class Totals:
    """An owner's rows: how many, how large, and the sum of their checksums."""

    __slots__ = ("bytes", "count", "digest", "text_bytes")

    def __init__(self, count: int = 0, bytes: int = 0, digest: int = 0, text_bytes: int = 0) -> None:  # noqa: A002 - its unit
        self.count = count
        self.bytes = bytes
        self.digest = digest
        self.text_bytes = text_bytes
        """What its texts take of their share; they are no part of what must be whole (`spool.texts`)."""

    def is_as(self, other: "Totals") -> bool:
        """Return whether the rows are the same, as far as that can be seen."""
        return (self.count, self.bytes, self.digest) == (other.count, other.bytes, other.digest)


def stored_bytes(totals: Mapping[str, Totals]) -> int:
    """Return about what all that is remembered takes of the disk, without the texts."""
    size_bytes = 0
    for mine in totals.values():
        size_bytes += mine.bytes + mine.count * ROW_BYTES
    return size_bytes


def growth(connection: sqlite3.Connection, owner: str, changes: Mapping[str, bytes | None]) -> int:
    """Return by how much remembering this would make `stored_bytes` larger."""
    more = sum(
        len(encode_key(key)) + len(value) + ROW_BYTES for key, value in changes.items() if value is not None
    )
    return more - sum(
        size + ROW_BYTES for _, size in _stored(connection, owner, [encode_key(key) for key in changes])
    )


def encode_key(key: str) -> bytes:
    """Return a key as it is stored; file names that are no UTF-8 keep their bytes."""
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return key.encode("utf-8", "surrogatepass")


def row_checksum(owner: str, key: bytes, value: bytes) -> int:
    """Return the checksum of one remembered key."""
    return zlib.crc32(value, zlib.crc32(key, _plain_checksum(owner, len(key))))


def text_checksum(owner: str, key: bytes, text: bytes) -> int:
    """Return the checksum of one remembered text."""
    return zlib.crc32(text, zlib.crc32(key, _plain_checksum(owner, -len(key))))


@lru_cache(maxsize=1024)
def _plain_checksum(owner: str, key_length: int) -> int:
    return checksum("memory", (owner, key_length))


def load_totals(connection: sqlite3.Connection) -> dict[str, Totals]:
    """Return the totals of every owner; an owner whose row is damaged gets totals that fit nothing."""
    totals = {}
    for row in connection.execute(
        "SELECT owner, count, bytes, digest, text_bytes, crc FROM owners"
    ).fetchall():
        whole = checksum("owners", row[:5]) == row[5]
        totals[str(row[0])] = Totals(*row[1:5]) if whole else Totals(digest=-1)
    return totals


def remember(
    connection: sqlite3.Connection, totals: dict[str, Totals], owner: str, changes: Mapping[str, bytes | None]
) -> None:
    """Set and forget keys of one owner inside the transaction that is open."""
    mine = totals.setdefault(owner, Totals())
    stored = {encode_key(key): value for key, value in changes.items()}
    rows = [
        (owner, key, row_checksum(owner, key, value), value)
        for key, value in stored.items()
        if value is not None
    ]
    forgotten = [(owner, key) for key, value in stored.items() if value is None]
    others = rows[insert_new(connection, _INSERT, rows) :]
    _take_off(connection, mine, owner, [*(key for _, key, *_ in others), *(key for _, key in forgotten)])
    if forgotten:
        connection.executemany("DELETE FROM memory WHERE owner = ? AND key = ?", forgotten)
    if others:
        connection.executemany(_INSERT.replace("INSERT", "INSERT OR REPLACE"), others)
    _count_all(mine, [(key, value, crc) for _, key, crc, value in rows])
    save_totals(connection, owner, mine)


def insert_new(connection: sqlite3.Connection, insert: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert many rows, up to some of which one has a key that is there; return how many. `insert` inserts one, of four columns.

    At a first look none is there: so nothing is looked for, and a statement inserts many.
    """
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    for start in range(0, whole, _ROWS_AT_ONCE):
        values = [*chain.from_iterable(rows[start : start + _ROWS_AT_ONCE])]
        try:
            connection.execute(insert + _FURTHER_ROWS, values)
        except sqlite3.IntegrityError:
            return start
    return whole


def _take_off(connection: sqlite3.Connection, mine: Totals, owner: str, keys: list[bytes]) -> None:
    """Take what is stored under some keys off their owner's totals: it is about to be replaced."""
    if mine.count == 0:
        return
    for crc, size_bytes in _stored(connection, owner, keys):
        mine.count -= 1
        mine.bytes -= size_bytes
        mine.digest = (mine.digest - crc) & _DIGEST_MASK


def _stored(connection: sqlite3.Connection, owner: str, keys: list[bytes]) -> Iterator[tuple[int, int]]:
    """Yield checksum and size of what is stored under some keys."""
    for start in range(0, len(keys), PAGE_ROWS):
        page = keys[start : start + PAGE_ROWS]
        places = ", ".join("?" * len(page))
        yield from connection.execute(
            f"SELECT crc, length(key) + length(value) FROM memory WHERE owner = ? AND key IN ({places})",  # noqa: S608 - question marks
            (owner, *page),
        )


def remember_stored(
    connection: sqlite3.Connection, totals: dict[str, Totals], owner: str, key: bytes, value: bytes
) -> None:
    """Set one key by its name as it is stored."""
    remember(connection, totals, owner, {key.decode("utf-8", "surrogateescape"): value})


def is_whole_row(row: Sequence[Any]) -> bool:
    """Return whether a row of `memory`, in the order of its columns, is what was stored."""
    try:
        return bool(row_checksum(row[0], row[1], row[3]) == row[2])
    except Exception:  # noqa: BLE001 - whatever a damaged row makes Python do, it is the row's damage
        return False


def forget(connection: sqlite3.Connection, totals: dict[str, Totals], owner: str | None) -> None:
    """Forget all of one owner, or of everyone."""
    if owner is None:
        connection.execute("DELETE FROM memory")
        connection.execute("DELETE FROM texts")
        connection.execute("DELETE FROM owners")
        totals.clear()
    else:
        connection.execute("DELETE FROM memory WHERE owner = ?", (owner,))
        connection.execute("DELETE FROM texts WHERE owner = ?", (owner,))
        connection.execute("DELETE FROM owners WHERE owner = ?", (owner,))
        totals.pop(owner, None)


def copy(
    connection: sqlite3.Connection,
    totals: dict[str, Totals],
    owner: str,
    rows: Iterator[tuple[bytes, bytes, int]],
    expected: Totals,
) -> None:
    """Insert rows of another database; raises `DamagedRow` unless they are all of the owner's."""
    mine = Totals()
    for key, value, crc in rows:
        connection.execute(
            "INSERT INTO memory (owner, key, crc, value) VALUES (?, ?, ?, ?)", (owner, key, crc, value)
        )
        _count_all(mine, [(key, value, crc)])
    if not mine.is_as(expected):
        raise DamagedRow("owners", owner)
    totals[owner] = mine
    save_totals(connection, owner, mine)


def save_totals(connection: sqlite3.Connection, owner: str, totals: Totals) -> None:
    """Write an owner's totals inside the transaction that is open."""
    row = (owner, totals.count, totals.bytes, totals.digest, totals.text_bytes)
    connection.execute(
        "INSERT OR REPLACE INTO owners (owner, count, bytes, digest, text_bytes, crc) VALUES (?, ?, ?, ?, ?, ?)",
        (*row, checksum("owners", row)),
    )


def is_whole(connection: sqlite3.Connection, owner: str) -> bool:
    """Return whether every row of an owner is there as it was stored, in one look at the database."""
    seen = Totals()
    connection.execute("BEGIN")
    try:
        expected = load_totals(connection).get(owner, Totals())
        for page in _pages(lambda work: work(connection), owner):
            _count_all(seen, page)
    except DamagedRow:
        return False
    finally:
        connection.execute("COMMIT")
    return seen.is_as(expected)


def page_through(reading: Reading, owner: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes, int]]:
    """Yield key, value and checksum in key order, a page at a time; raises `DamagedRow`."""
    for page in _pages(reading, owner, prefix):
        yield from page


def _pages(reading: Reading, owner: str, prefix: bytes = b"") -> Iterator[list[_Row]]:
    """Yield the rows in key order, a page of them at a time; raises `DamagedRow`."""
    after, comparison = prefix, ">="
    end = _end_of(prefix)
    while True:
        statement = _SELECT_PAGE.format(after=comparison)
        values = (owner, after, end, PAGE_ROWS)
        rows: list[_Row] = reading(partial(fetch, statement, values))
        _check(owner, rows)
        yield rows
        if len(rows) < PAGE_ROWS:
            return
        after, comparison = rows[-1][0], ">"


def _check(owner: str, rows: list[_Row]) -> None:
    """Raise `DamagedRow` unless each row is as it was stored; at a start this is done for every row there is."""
    if not rows:
        return
    keys, values, stored = zip(*rows, strict=True)
    beginnings = map(_plain_checksum, repeat(owner), map(len, keys))
    with suppress(TypeError):  # a value that is no bytes has no checksum
        if tuple(map(zlib.crc32, values, map(zlib.crc32, keys, beginnings))) == stored:
            return
    raise DamagedRow("memory", (owner, next(row[0] for row in rows if not _is_stored(owner, *row))))


def _is_stored(owner: str, key: bytes, value: Any, crc: int) -> bool:
    return isinstance(value, bytes) and row_checksum(owner, key, value) == crc


def _end_of(prefix: bytes) -> bytes:
    """Return the first key after all that start with `prefix`."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else _AFTER_EVERY_KEY


def fetch(statement: str, values: tuple[Any, ...], connection: sqlite3.Connection) -> list[Any]:
    """Return what a statement finds; with `partial`, a piece of work for `Reading`."""
    return connection.execute(statement, values).fetchall()


def _count_all(totals: Totals, rows: Sequence[_Row]) -> None:
    if not rows:
        return
    keys, values, checksums = zip(*rows, strict=True)
    totals.count += len(rows)
    totals.bytes += sum(map(len, keys)) + sum(map(len, values))
    totals.digest = (totals.digest + sum(checksums)) & _DIGEST_MASK
