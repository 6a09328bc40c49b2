"""What the owners of records asked to have remembered: one row a key, committed with their records.

Each owner has a running count and digest over its rows, so that a row that vanished shows as well as
one that changed; so has each group of them (`spool.groups`). Memory is all or nothing: half of it would make a
collector report as new what it has known for years, so an owner with damage is forgotten whole, and learns anew.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from spool.errors import DamagedRow
from spool.groups import DIGEST_MASK, Counted, Totals, by_group, is_keeper, keeper_of
from spool.memory_rows import PAGE_ROWS, Row, is_stored, row_checksums
from spool.row_bytes import ROW_BYTES, long_bytes
from spool.table import checksum

_INSERT = "INSERT INTO memory (owner, key, crc, value) VALUES (?, ?, ?, ?)"
_ROWS_AT_ONCE = 64
_FURTHER_ROWS = ", (?, ?, ?, ?)" * (_ROWS_AT_ONCE - 1)

_Whole = tuple[str, bytes, int, bytes]
"""A row: owner, key, checksum and value."""


def stored_bytes(totals: Mapping[str, Totals]) -> int:
    """Return about what all that is remembered takes of the disk, without the texts."""
    size_bytes = 0
    for mine in totals.values():
        size_bytes += mine.bytes + mine.count * ROW_BYTES + mine.long_bytes
    return size_bytes


def growth(connection: sqlite3.Connection, owner: str, changes: Mapping[str, bytes | None]) -> int:
    """Return by how much remembering this would make `stored_bytes` larger."""
    come = [len(encode_key(key)) + len(value) for key, value in changes.items() if value is not None]
    gone = [size for _, _, size in _stored(connection, owner, [encode_key(key) for key in changes])]
    return size_of_all(come) - size_of_all(gone)


def size_of_all(sizes: Sequence[int]) -> int:
    """Return what rows take of the disk whose keys and values have so many bytes."""
    return sum(sizes) + len(sizes) * ROW_BYTES + long_bytes(sizes)


def encode_key(key: str) -> bytes:
    """Return a key as it is stored; file names that are no UTF-8 keep their bytes."""
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return key.encode("utf-8", "surrogatepass")


def load_totals(
    connection: sqlite3.Connection, of_long: Mapping[str, int] | None = None
) -> dict[str, Totals]:
    """Return the totals of every owner; an owner whose row is damaged gets totals that fit nothing.

    `of_long` is what the state keeps of their long rows.
    """
    totals = {}
    for row in connection.execute(
        "SELECT owner, count, bytes, digest, text_bytes, crc FROM owners"
    ).fetchall():
        whole = checksum("owners", row[:5]) == row[5]
        totals[str(row[0])] = mine = Totals(*row[1:5]) if whole else Totals(digest=-1)
        mine.long_bytes = (of_long or {}).get(str(row[0]), 0)
    return totals


def remember(
    connection: sqlite3.Connection, totals: dict[str, Totals], owner: str, changes: Mapping[str, bytes | None]
) -> None:
    """Set and forget keys of one owner inside the transaction that is open."""
    stored = {encode_key(key): value for key, value in changes.items()}
    rows = _rows(owner, stored)
    others = rows[insert_new(connection, _INSERT, rows) :]
    forgotten = [key for key, value in stored.items() if value is None]
    replaced = [*(key for _, key, *_ in others), *forgotten]
    gone = list(_stored(connection, owner, replaced)) if owner in totals else []
    _replace(connection, owner, others, forgotten)
    come = [(key, crc, len(key) + len(value)) for _, key, crc, value in rows]
    _count(connection, totals, owner, gone, come)
    changed = by_group(gone, come)
    if changed:
        _change_groups(connection, totals, keeper_of(owner), changed)


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


def _rows(owner: str, stored: Mapping[bytes, bytes | None]) -> list[_Whole]:
    keys = [key for key, value in stored.items() if value is not None]
    values = [value for value in stored.values() if value is not None]
    return [*zip(repeat(owner), keys, row_checksums(owner, keys, values), values, strict=False)]


def _replace(
    connection: sqlite3.Connection, owner: str, rows: Sequence[_Whole], forgotten: Sequence[bytes]
) -> None:
    if forgotten:
        connection.executemany(
            "DELETE FROM memory WHERE owner = ? AND key = ?", [(owner, key) for key in forgotten]
        )
    if rows:
        connection.executemany(_INSERT.replace("INSERT", "INSERT OR REPLACE"), rows)


def _count(
    connection: sqlite3.Connection,
    totals: dict[str, Totals],
    owner: str,
    gone: Sequence[Counted],
    come: Sequence[Counted],
) -> None:
    """Have an owner's totals be of the rows that came instead of those that are gone."""
    mine = totals.setdefault(owner, Totals())
    mine.count_rows(-1, gone)
    mine.count_rows(1, come)
    of_long = long_bytes([row[2] for row in come]) - long_bytes([row[2] for row in gone])
    mine.long_bytes = max(0, mine.long_bytes + of_long)
    save_totals(connection, owner, mine)


def _change_groups(
    connection: sqlite3.Connection, totals: dict[str, Totals], keeper: str, changes: Mapping[bytes, Totals]
) -> None:
    """Write the new totals of some groups; one without rows is none."""
    known = _kept_of(connection, keeper, list(changes)) if keeper in totals else []
    for group, value, crc, _ in known:
        if is_stored(keeper, group, value, crc):
            changes[group].add(Totals.from_bytes(value))
    rows = _rows(keeper, {group: found.to_bytes() for group, found in changes.items() if found.count})
    _replace(connection, keeper, rows, [group for group, found in changes.items() if not found.count])
    come = [(group, crc, len(group) + len(value)) for _, group, crc, value in rows]
    _count(connection, totals, keeper, [(group, crc, size) for group, _, crc, size in known], come)


def _kept_of(
    connection: sqlite3.Connection, keeper: str, groups: Sequence[bytes]
) -> list[tuple[bytes, bytes, int, int]]:
    """Return what is stored of some groups: group, value, checksum, bytes of both."""
    found = []
    for start in range(0, len(groups), PAGE_ROWS):
        page = groups[start : start + PAGE_ROWS]
        places = ", ".join("?" * len(page))
        found += connection.execute(
            f"SELECT key, value, crc, length(key) + length(value) FROM memory WHERE owner = ? AND key IN ({places})",  # noqa: S608 - question marks
            (keeper, *page),
        ).fetchall()
    return found


def total_of(connection: sqlite3.Connection, owner: str, group: bytes) -> Totals:
    """Return the totals of one group as they were stored; of no row where nothing is known of it."""
    keeper = keeper_of(owner)
    for _, value, crc, _ in _kept_of(connection, keeper, [group]):
        if is_stored(keeper, group, value, crc):
            return Totals.from_bytes(value)
    return Totals()


def make_groups(connection: sqlite3.Connection, totals: dict[str, Totals], owner: str) -> None:
    """Make the totals of an owner's groups anew, inside the transaction that is open: by its rows, which are all as they were stored."""
    _forget_rows(connection, totals, keeper_of(owner))
    rows = connection.execute(
        "SELECT key, crc, length(key) + length(value) FROM memory WHERE owner = ? AND key >= x''", (owner,)
    )
    found: dict[bytes, Totals] = {}
    while page := rows.fetchmany(PAGE_ROWS):
        for group, some in by_group((), page).items():
            found.setdefault(group, Totals()).add(some)
    if found:
        _change_groups(connection, totals, keeper_of(owner), found)


def _stored(connection: sqlite3.Connection, owner: str, keys: list[bytes]) -> Iterator[Counted]:
    """Yield what is stored under some keys."""
    for start in range(0, len(keys), PAGE_ROWS):
        page = keys[start : start + PAGE_ROWS]
        places = ", ".join("?" * len(page))
        yield from connection.execute(
            f"SELECT key, crc, length(key) + length(value) FROM memory WHERE owner = ? AND key IN ({places})",  # noqa: S608 - question marks
            (owner, *page),
        )


def remember_stored(
    connection: sqlite3.Connection, totals: dict[str, Totals], owner: str, key: bytes, value: bytes
) -> None:
    """Set one key by its name as it is stored; totals of groups follow from the rows."""
    if is_keeper(owner):
        return
    remember(connection, totals, owner, {key.decode("utf-8", "surrogateescape"): value})


def forget(connection: sqlite3.Connection, totals: dict[str, Totals], owner: str | None) -> None:
    """Forget all of one owner, or of everyone."""
    if owner is None:
        connection.execute("DELETE FROM memory")
        connection.execute("DELETE FROM texts")
        connection.execute("DELETE FROM owners")
        totals.clear()
    else:
        connection.execute("DELETE FROM texts WHERE owner = ?", (owner,))
        _forget_rows(connection, totals, owner)
        _forget_rows(connection, totals, keeper_of(owner))


def _forget_rows(connection: sqlite3.Connection, totals: dict[str, Totals], owner: str) -> None:
    connection.execute("DELETE FROM memory WHERE owner = ?", (owner,))
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
        count_all(mine, [(key, value, crc)])
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


def count_all(totals: Totals, rows: Sequence[Row]) -> None:
    """Count some rows."""
    if not rows:
        return
    keys, values, checksums = zip(*rows, strict=True)
    totals.count += len(rows)
    totals.bytes += sum(map(len, keys)) + sum(map(len, values))
    totals.digest = (totals.digest + sum(checksums)) & DIGEST_MASK
