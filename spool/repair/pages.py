"""Read rows out of the pages of a SQLite file without SQLite, for when SQLite refuses.

The file format: https://www.sqlite.org/fileformat2.html. A leaf page of a table carries its rows, each
a record of typed values whose tail may lie in a chain of overflow pages. Nothing read here is to be
trusted before its checksum was compared. It opens plain files, so it must never be pointed at a
database that this process has open with SQLite.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from spool.repair.wal_format import FIRST_BYTES, FRAME_HEADER_BYTES, HEADER_BYTES, STEP_BYTES, salts_of
from spool.schema import PAGE_BYTES

_TABLE_LEAF = 0x0D
_INDEX_LEAF = 0x0A
_INDEX_INTERIOR = 0x02
_DATABASE_HEADER_BYTES = 100
_UNNAMED = 1 << 40
"""Pages whose own number is lost get one from here on."""
_USABLE = PAGE_BYTES
_MAX_LOCAL = _USABLE - 35
_MAX_LOCAL_OF_INDEX = (_USABLE - 12) * 64 // 255 - 23
_MIN_LOCAL = (_USABLE - 12) * 32 // 255 - 23
_MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
_WIDTHS = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
_REAL = 7
_ONE = 9
_FIRST_BLOB = 12


class PageFile:
    """The pages of a database and of its -wal, the newest of each first; either file may be missing."""

    def __init__(self, database: Path) -> None:
        self._database = database.open("rb") if database.exists() else None
        wal = database.with_name(f"{database.name}-wal")
        self._wal = wal.open("rb") if wal.exists() else None
        self.count = database.stat().st_size // PAGE_BYTES if self._database else 0
        self._frames: dict[int, list[int]] = {}
        if self._wal is not None:
            self._index_wal(wal.stat().st_size)

    def close(self) -> None:
        """Close both files."""
        for file in (self._database, self._wal):
            if file is not None:
                file.close()

    def versions(self, number: int) -> Iterator[bytes]:
        """Yield every content that page `number` has, the newest first."""
        for offset in reversed(self._frames.get(number, ())):
            assert self._wal is not None  # noqa: S101 - there are frames
            self._wal.seek(offset)
            yield self._wal.read(PAGE_BYTES)
        if self._database is not None and 0 < number <= self.count:
            self._database.seek((number - 1) * PAGE_BYTES)
            yield self._database.read(PAGE_BYTES)

    def numbers(self) -> Iterator[int]:
        """Yield the number of every page there is."""
        yield from range(1, self.count + 1)
        yield from sorted(number for number in self._frames if number > self.count)

    def numbers_in_wal(self) -> list[int]:
        """Return the numbers of the pages that the -wal holds."""
        return sorted(self._frames)

    def _index_wal(self, size_bytes: int) -> None:
        """Find the frames of the -wal, without those that an earlier use of the file has left behind."""
        assert self._wal is not None  # noqa: S101 - called with one
        salts = salts_of(self._wal.read(FIRST_BYTES))
        for offset in range(HEADER_BYTES, size_bytes - STEP_BYTES + 1, STEP_BYTES):
            self._wal.seek(offset)
            header = self._wal.read(FRAME_HEADER_BYTES)
            number = int.from_bytes(header[:4])
            if header[8:16] != salts:
                self._wal.seek(offset + STEP_BYTES + 8)
                if self._wal.read(8) != salts:
                    break
                number = _UNNAMED + offset  # its header is damaged; its rows are believed by their checksums
            self._frames.setdefault(number, []).append(offset + FRAME_HEADER_BYTES)


def rows_of(file: PageFile, number: int) -> Iterator[list[Any]]:
    """Yield the values of every row that any version of a leaf page holds; damage is passed by."""
    for page in file.versions(number):
        yield from rows_in(page, file, _DATABASE_HEADER_BYTES if number == 1 else 0)


def rows_in(page: bytes, file: PageFile, start: int = 0) -> Iterator[list[Any]]:
    """Yield the values of the rows in a leaf page of a table; overflow pages are taken from `file`."""
    if page[start : start + 1] == bytes([_TABLE_LEAF]):
        for pointer in _cell_pointers(page, start, 8):
            with suppress(IndexError, ValueError, struct.error):
                size, at = _varint(page, pointer)
                rowid, at = _varint(page, at)
                yield _values(_payload(file, page, at, size, _MAX_LOCAL), _signed(rowid))


def index_rows_in(page: bytes, file: PageFile) -> Iterator[list[Any]]:
    """Yield the values of the rows in any page of a table without rowid."""
    if page[:1] in {bytes([_INDEX_LEAF]), bytes([_INDEX_INTERIOR])}:
        interior = page[0] == _INDEX_INTERIOR
        for pointer in _cell_pointers(page, 0, 12 if interior else 8):
            with suppress(IndexError, ValueError, struct.error):
                size, at = _varint(page, pointer + (4 if interior else 0))
                yield _values(_payload(file, page, at, size, _MAX_LOCAL_OF_INDEX), 0)


def _cell_pointers(page: bytes, start: int, header_bytes: int) -> Iterator[int]:
    cells = int.from_bytes(page[start + 3 : start + 5])
    for index in range(min(cells, PAGE_BYTES // 4)):
        at = start + header_bytes + 2 * index
        yield int.from_bytes(page[at : at + 2])


def _payload(file: PageFile, page: bytes, at: int, size: int, max_local: int) -> bytes:
    if not 0 < size <= _MAX_PAYLOAD_BYTES:
        raise ValueError("no row has such a size")
    if size <= max_local:
        return page[at : at + size]
    local = _MIN_LOCAL + (size - _MIN_LOCAL) % (_USABLE - 4)
    local = local if local <= max_local else _MIN_LOCAL
    overflow = int.from_bytes(page[at + local : at + local + 4])
    return page[at : at + local] + _overflow(file, overflow, size - local)


def _overflow(file: PageFile, number: int, size: int) -> bytes:
    """Follow a chain of overflow pages, through the newest version of each."""
    parts = []
    while size > 0:
        page = next(file.versions(number), b"")
        if len(page) < PAGE_BYTES:
            raise ValueError("the chain of overflow pages is broken")
        part = page[4 : 4 + min(size, _USABLE - 4)]
        parts.append(part)
        size -= len(part)
        number = int.from_bytes(page[:4])
    return b"".join(parts)


def _values(payload: bytes, rowid: int) -> list[Any]:
    header_size, at = _varint(payload, 0)
    types = []
    while at < header_size:
        kind, at = _varint(payload, at)
        types.append(kind)
    values: list[Any] = []
    at = header_size
    for kind in types:
        width = _WIDTHS[kind] if kind < len(_WIDTHS) else (kind - _FIRST_BLOB) // 2
        if width < 0 or at + width > len(payload):
            raise ValueError("the row is shorter than it says")
        values.append(_value(kind, payload[at : at + width]))
        at += width
    if values and values[0] is None:
        values[0] = rowid  # an INTEGER PRIMARY KEY is stored as NULL and stands in the rowid
    return values


def _value(kind: int, data: bytes) -> Any:
    if kind == 0:
        return None
    if kind == _REAL:
        return struct.unpack(">d", data)[0]
    if kind < _REAL:
        return int.from_bytes(data, signed=True)
    if kind <= _ONE:
        return kind - 8
    if kind < _FIRST_BLOB:
        raise ValueError("no value has such a type")
    return data if kind % 2 == 0 else data.decode()


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follows
            return value, at + index + 1
    return value << 8 | data[at + 8], at + 9


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
