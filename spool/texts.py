"""What owners remember beside a key and can do without: a text, with a share of the spool of its own.

A quarter of the cap. Over it, or where the disk or the cap has no room, the text that was changed least
recently goes first, and that is counted. A text never costs a record that somebody still waits for, and
one that is damaged or gone is none: its owner goes on without it.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import islice, repeat
from typing import Protocol

from spool.groups import Totals
from spool.memory import encode_key, insert_new, save_totals
from spool.memory_rows import text_checksum, text_checksums
from spool.row_bytes import IN_ONE_PAGE_BYTES, long_bytes, table_row_bytes
from spool.store import Store

_ROW_BYTES = 128
_KEYS_AT_ONCE = 500
_INSERT = "INSERT INTO texts (owner, key, text, crc) VALUES (?, ?, ?, ?)"

Texts = Mapping[bytes, bytes | None]
_Row = tuple[int, str, bytes, int | None]


class Room(Protocol):
    """Says what fits; see `spool.cap`."""

    @property
    def text_bytes(self) -> int:
        """How much all texts may take."""
        ...

    def has_room(self, store: Store, size_bytes: int) -> bool:
        """Return whether so much fits without anything giving way."""
        ...

    def makes_room_for_text(self, store: Store, size_bytes: int, now: float) -> bool:
        """Let delivered history and older texts give way until so much fits; return whether it does."""
        ...


def size_of(key: bytes, text_bytes: int) -> int:
    """Return what a text takes of its share: about what it takes of the disk."""
    return _size_of(len(key), text_bytes)


def _size_of(key_bytes: int, text_bytes: int) -> int:
    return table_row_bytes(text_bytes + 2 * key_bytes + _ROW_BYTES) + long_bytes((key_bytes,))


def total(store: Store) -> int:
    """Return what all texts take."""
    return sum(totals.text_bytes for totals in store.totals.values())


def remember(store: Store, room: Room, owner: str, texts: Mapping[str, bytes | None], *, now: float) -> None:
    """Set and forget texts of one owner inside the open transaction; one without room is counted as given up."""
    keyed = {encode_key(name): text for name, text in texts.items()}
    left = _with_new_inserted(store, room, owner, keyed)
    for row in _stored(store, owner, list(left)):
        _remove(store, row)
    if not any(keyed.values()):
        return
    totals = store.totals.setdefault(owner, Totals())
    kept = {key: text for key, text in left.items() if text}
    size_bytes = _size_of_all(kept)
    if _has_room_for_all(store, room, size_bytes):
        store.connection.executemany(_INSERT, _rows(owner, kept))
        totals.text_bytes += size_bytes
    else:
        for key, text in kept.items():
            if not _has_room(store, room, size_of(key, len(text)), now):
                store.state.texts_given_up += 1
                store.touch()
                continue
            store.connection.execute(_INSERT, *_rows(owner, {key: text}))
            totals.text_bytes += size_of(key, len(text))
    save_totals(store.connection, owner, totals)


def _with_new_inserted(store: Store, room: Room, owner: str, keyed: Texts) -> Texts:
    """Insert texts up to one that may be there already, where there is room for all of them; return the others."""
    size_bytes = _size_of_all(keyed)
    if not all(keyed.values()) or not _has_room_for_all(store, room, size_bytes):
        return keyed
    inserted = insert_new(store.connection, _INSERT, _rows(owner, keyed))
    left = dict(islice(keyed.items(), inserted, None))
    if inserted:
        store.totals.setdefault(owner, Totals()).text_bytes += size_bytes - _size_of_all(left)
    return left


def _has_room_for_all(store: Store, room: Room, size_bytes: int) -> bool:
    return total(store) + size_bytes <= room.text_bytes and room.has_room(store, size_bytes)


def _size_of_all(texts: Texts) -> int:
    sizes = [len(text or b"") + 2 * len(key) + _ROW_BYTES for key, text in texts.items()]
    whole = sum(sizes) if max(sizes, default=0) <= IN_ONE_PAGE_BYTES else sum(map(table_row_bytes, sizes))
    return whole + long_bytes([*map(len, texts)])


def _rows(owner: str, texts: Texts) -> list[tuple[str, bytes, bytes, int]]:
    keys = [key for key, text in texts.items() if text]
    kept = [text for text in texts.values() if text]
    return [*zip(repeat(owner), keys, kept, text_checksums(owner, keys, kept), strict=False)]


def _stored(store: Store, owner: str, keys: list[bytes]) -> Iterator[_Row]:
    """Yield what is stored under some keys of an owner."""
    for at in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[at : at + _KEYS_AT_ONCE]
        marks = ", ".join("?" * len(some))
        yield from store.connection.execute(
            f"SELECT id, owner, key, length(text) FROM texts WHERE owner = ? AND key IN ({marks})",  # noqa: S608 - marks alone
            (owner, *some),
        ).fetchall()


def give_way(store: Store, size_bytes: int) -> bool:
    """Give up the texts changed least recently until so much is free; False when there is none."""
    freed = 0
    while freed < size_bytes and (row := _oldest(store)):
        freed += size_of(bytes(row[2]), row[3] or 0)
        _remove(store, row)
        store.state.texts_given_up += 1
        store.touch()
    return freed > 0


def copy(source: sqlite3.Connection, store: Store, at_most_bytes: int) -> None:
    """Take over the newest texts of another database, for the owners whose memory was taken over."""
    rows = source.execute("SELECT owner, key, text, crc FROM texts ORDER BY id DESC")
    kept = []
    left = at_most_bytes
    for owner, key, text, crc in rows:
        if owner not in store.totals or text_checksum(owner, key, text) != crc:
            continue
        left -= size_of(key, len(text))
        if left < 0:
            break
        kept.append((owner, key, text, crc))
        store.totals[owner].text_bytes += size_of(key, len(text))
    store.connection.executemany(
        "INSERT INTO texts (owner, key, text, crc) VALUES (?, ?, ?, ?)", reversed(kept)
    )
    for owner in {row[0] for row in kept}:
        save_totals(store.connection, owner, store.totals[owner])


def recount(store: Store) -> None:
    """Count anew what all texts take, inside the open transaction."""
    found = dict.fromkeys(store.totals, 0)
    for owner, key_bytes, text_bytes in store.connection.execute(
        "SELECT owner, length(key), length(text) FROM texts"
    ):
        found[owner] = found.get(owner, 0) + _size_of(key_bytes or 0, text_bytes or 0)
    for owner, size_bytes in found.items():
        _count(store, owner, size_bytes - store.totals.setdefault(owner, Totals()).text_bytes)


def _has_room(store: Store, room: Room, size_bytes: int, now: float) -> bool:
    over = total(store) + size_bytes - room.text_bytes
    if size_bytes > room.text_bytes or (over > 0 and not give_way(store, over)):
        return False
    return room.makes_room_for_text(store, size_bytes, now)


def _oldest(store: Store) -> _Row | None:
    row: _Row | None = store.connection.execute(
        "SELECT id, owner, key, length(text) FROM texts ORDER BY id LIMIT 1"
    ).fetchone()
    if row is None:
        for owner in [owner for owner, totals in store.totals.items() if totals.text_bytes]:
            _count(store, owner, -store.totals[owner].text_bytes)
    return row


def _remove(store: Store, row: _Row) -> None:
    store.connection.execute("DELETE FROM texts WHERE id = ?", (row[0],))
    _count(store, row[1], -size_of(bytes(row[2]), row[3] or 0))


def _count(store: Store, owner: str, size_bytes: int) -> None:
    totals = store.totals.setdefault(owner, Totals())
    totals.text_bytes = max(0, totals.text_bytes + size_bytes)
    save_totals(store.connection, owner, totals)
