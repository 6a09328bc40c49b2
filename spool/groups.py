"""Groups of what an owner remembers, each with totals of its own, so that a start need not read every row.

A key in which `//` stands is in the group of all that begin as it does up to there: the files of one directory. The totals of an
owner's groups are rows of a memory beside its own, and are written with every change of a row. They never
stand alone: together with the rows that are in no group they have to make up the owner's own totals.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

PARTING = b"//"
_SUFFIX = "/groups"
_TOTALS = struct.Struct("<qqI")
DIGEST_MASK = 0xFFFF_FFFF
_FIRST: Callable[[Any], bytes] = itemgetter(0)

Counted = tuple[bytes, int, int]
"""A row: its key, its checksum, and how many bytes key and value have."""


class Totals:
    """Some rows of an owner: how many, how large, and the sum of their checksums."""

    __slots__ = ("bytes", "count", "digest", "long_bytes", "text_bytes")

    def __init__(self, count: int = 0, bytes: int = 0, digest: int = 0, text_bytes: int = 0) -> None:  # noqa: A002 - its unit
        self.count = count
        self.bytes = bytes
        self.digest = digest
        self.text_bytes = text_bytes
        """What its texts take of their share; they are no part of what must be whole (`spool.texts`)."""
        self.long_bytes = 0
        """What its long rows take besides (`spool.row_bytes`), of an owner alone; the state keeps it."""

    def is_as(self, other: "Totals") -> bool:
        """Return whether the rows are the same, as far as that can be seen."""
        return (self.count, self.bytes, self.digest) == (other.count, other.bytes, other.digest)

    def add(self, other: "Totals") -> None:
        """Count the rows of another too."""
        self.count += other.count
        self.bytes += other.bytes
        self.digest = (self.digest + other.digest) & DIGEST_MASK

    def count_rows(self, sign: int, rows: Sequence[Counted]) -> None:
        """Count rows that come, or with a `sign` of -1 go."""
        if not rows:
            return
        _, checksums, sizes = zip(*rows, strict=True)
        self.count += sign * len(rows)
        self.bytes += sign * sum(sizes)
        self.digest = (self.digest + sign * sum(checksums)) & DIGEST_MASK

    def add_stored(self, values: Iterable[bytes]) -> None:
        """Count the rows of what `to_bytes` returned of others; raises `ValueError`."""
        try:
            stored = [*zip(*_TOTALS.iter_unpack(b"".join(values)), strict=True)]
        except struct.error as error:
            raise ValueError(str(error)) from None
        if stored:
            counts, sizes, digests = stored
            self.add(Totals(sum(counts), sum(sizes), sum(digests)))

    def to_bytes(self) -> bytes:
        """Return them as they are stored of a group."""
        return _TOTALS.pack(self.count, self.bytes, self.digest)

    @classmethod
    def from_bytes(cls, value: bytes) -> "Totals":
        """Return what `to_bytes` stored; raises `ValueError`."""
        try:
            return cls(*_TOTALS.unpack(value))
        except struct.error as error:
            raise ValueError(str(error)) from None


def keeper_of(owner: str) -> str:
    """Return the owner of the totals of another's groups."""
    return owner + _SUFFIX


def is_keeper(owner: str) -> bool:
    """Return whether what it remembers are totals of groups."""
    return owner.endswith(_SUFFIX)


def group_of(key: bytes) -> bytes:
    """Return what all keys of a key's group begin with, empty where it is in none."""
    end = key.find(PARTING) + len(PARTING)
    return key[:end] if end >= len(PARTING) else b""


def end_of(group: bytes) -> bytes:
    """Return the first key after all of a group."""
    return group[:-1] + bytes([group[-1] + 1])


def by_group(gone: Sequence[Counted], come: Sequence[Counted]) -> dict[bytes, Totals]:
    """Return by how much the totals of each group change when some rows go and others come."""
    changes: dict[bytes, Totals] = {}
    for sign, rows in ((-1, gone), (1, come)):
        beginnings = [row[0][: row[0].find(PARTING) + len(PARTING)] for row in rows]
        for group, some in groupby(zip(beginnings, rows, strict=True), _FIRST):
            if not group.endswith(PARTING):
                continue
            change = changes.setdefault(group, Totals())
            change.count_rows(sign, [row for _, row in some])
    return changes
