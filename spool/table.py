"""A table of the database: its columns, named once, and the checksum that every one of its rows carries.

A row is trusted only when its CRC-32 covers its table's name and all its other columns as they are
stored. So a row that was found in a page nobody can name belongs to the table whose checksum it fits.
Whatever goes wrong while a row is read is damage, never an error of the reader.
"""

import sqlite3
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Generic, TypeVar, cast
from zlib import crc32

R = TypeVar("R", bound=tuple[Any, ...])

_TYPES = {int: "INTEGER", float: "REAL", str: "TEXT", bytes: "BLOB", int | None: "INTEGER"}


def checksum(table: str, values: Sequence[object], blob: bytes = b"") -> int:
    """Return the CRC-32 of a row: its table, its plain columns in order, and its one large one."""
    text = "\x1f".join((table, *map(str, values)))
    return crc32(blob, crc32(text.encode("utf-8", "surrogatepass")))


class Table(Generic[R]):
    """The table whose rows are `row`, a named tuple: an INTEGER key first, then `crc`, one BLOB at most, last."""

    def __init__(self, name: str, row: type[R], alike: tuple[str, str] | None = None) -> None:
        """Make one; the columns from the first to the last of `alike` are mostly the same in rows that were stored together."""
        self._row = cast("Any", row)
        self.name = name
        self._count = len(self._row._fields)
        fields: tuple[str, ...] = self._row._fields
        types = [_TYPES[row.__annotations__[field]] for field in fields]
        self._reals = [index for index, kind in enumerate(types) if kind == "REAL"]
        self._has_blob = types[-1] == "BLOB"
        plain = (0, *range(2, self._count - self._has_blob))
        self._plain: Callable[[Sequence[Any]], tuple[Any, ...]] = itemgetter(*plain)
        first, behind = (fields.index(alike[0]), fields.index(alike[1]) + 1) if alike else (2, 2)
        self._apart = slice(2, first), slice(first, behind), slice(behind, self._count - self._has_blob)
        self._text: Callable[[tuple[Any, ...]], str] = (name + "\x1f%s" * len(plain)).__mod__
        self.columns = ", ".join(fields)
        self.select = f"SELECT {self.columns} FROM {name}"  # noqa: S608 - constants
        self.insert = f"INSERT INTO {name} ({self.columns}) VALUES ({', '.join('?' * len(fields))})"  # noqa: S608 - constants
        self.insert_missing = self.insert.replace("INSERT", "INSERT OR IGNORE", 1)
        self._set_crc = f"UPDATE {name} SET crc = ? WHERE {fields[0]} = ?"  # noqa: S608 - constants
        rest = ", ".join(f"{field} {kind}" for field, kind in zip(fields[1:], types[1:], strict=True))
        self.create = (
            f"CREATE TABLE IF NOT EXISTS {name} ({fields[0]} INTEGER PRIMARY KEY AUTOINCREMENT, {rest});\n"
        )

    def checksum(self, row: R) -> int:
        """Return the checksum that a row is to have."""
        blob = row[-1] if self._has_blob else b""
        return self._checksum(self._plain(row), blob)

    def sealed(self, number: int, values: Sequence[object], blob: bytes) -> tuple[Any, ...]:
        """Return the columns of a row, ready for `insert`: its plain ones behind `crc` are `values`."""
        return (number, self._checksum((number, *values), blob), *values, blob)

    def of(self, values: Sequence[Any]) -> R:
        """Return values in the order of the columns as a row; nothing is checked."""
        made: R = self._row._make(values)
        return made

    def is_whole(self, values: Sequence[Any]) -> bool:
        """Return whether values are a row exactly as it was stored."""
        try:
            blob = values[-1] if self._has_blob else b""
            return len(values) == self._count and values[1] == self._checksum(self._plain(values), blob)
        except Exception:  # noqa: BLE001 - whatever a damaged row makes Python do, it is the row's damage
            return False

    def whole_in_turn(self) -> Callable[[Sequence[Any]], bool]:
        """Return what `is_whole` is, for rows that are read one after another: what is as in the one before is text already."""
        before, alike, after = self._apart
        count, has_blob = self._count, self._has_blob
        texts = ["\x1f%s" * (part.stop - part.start) for part in self._apart]
        text_of_alike = texts[1].__mod__
        text_of_row = (f"{self.name}\x1f%s{texts[0]}%s{texts[2]}").__mod__
        seen: Sequence[Any] = ()
        text = ""

        def is_whole(values: Sequence[Any]) -> bool:
            nonlocal seen, text
            try:
                # Equal is as good as the same: 1.0 is 1 wherever it is used.
                if (these := values[alike]) != seen:
                    text, seen = text_of_alike(these), these
                plain = text_of_row((values[0], *values[before], text, *values[after]))
                crc = crc32(plain.encode("utf-8", "surrogatepass"))
                return len(values) == count and values[1] == crc32(values[-1] if has_blob else b"", crc)
            except Exception:  # noqa: BLE001 - as above
                return False

        return is_whole

    def whole(self, values: Sequence[Any]) -> R | None:
        """Return the row of values as they are stored, None unless they are exactly what was."""
        return self.of(values) if self.is_whole(values) else None

    def _checksum(self, plain: tuple[Any, ...], blob: bytes) -> int:
        """Return what `checksum` does, of the texts in one step."""
        return crc32(blob, crc32(self._text(plain).encode("utf-8", "surrogatepass")))

    def append(self, connection: sqlite3.Connection, row: R) -> int:
        """Insert a row under the next number, inside the open transaction; return that number."""
        cursor = connection.execute(self.insert, (None, *row[1:]))
        number = int(cursor.lastrowid or 0)
        crc = self.checksum(self.of((number, *row[1:])))
        connection.execute(self._set_crc, (crc, number))
        return number

    def found(self, values: Sequence[Any]) -> R | None:
        """Return the row of values that were read without SQLite, which stores whole numbers of REAL as integers."""
        if len(values) != self._count:
            return None
        restored = list(values)
        for index in self._reals:
            if isinstance(restored[index], int):
                restored[index] = float(restored[index])
        return self.whole(restored)
