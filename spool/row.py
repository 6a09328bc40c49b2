"""Rows of the database and the checksum that every one of them carries.

A row is trusted only when its CRC-32 covers all its other columns as they are stored. Whatever goes
wrong while a row is read is damage, never an error of the reader.
"""

import json
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from spool.errors import DamagedRow
from spool.record import Record, Segment, StoredRecord

RECORD_COLUMNS = (
    "number, crc, name, count, events_before, bytes_before, first_time, last_time, captured, boottime,"
    " clock_trusted, hostname, boot_id, origin, event_types, tags, length, adler, deflated"
)
INSERT_RECORD = f"INSERT INTO records ({RECORD_COLUMNS}) VALUES ({', '.join('?' * 19)})"  # noqa: S608 - constants


def checksum(table: str, values: Sequence[object], blob: bytes = b"") -> int:
    """Return the CRC-32 of a row: its table, its plain columns in order, and its one large one."""
    text = "\x1f".join((table, *map(str, values)))
    return zlib.crc32(blob, zlib.crc32(text.encode("utf-8", "surrogatepass")))


def from_record(number: int, events_before: int, bytes_before: int, record: Record) -> tuple[Any, ...]:
    """Return the row of a record, ready for `INSERT_RECORD`."""
    segment = record.segment
    plain = (
        record.name,
        record.count,
        events_before,
        bytes_before,
        int(record.first_time),
        int(record.last_time),
        float(record.captured),
        float(record.boottime),
        int(record.clock_trusted),
        record.hostname,
        record.boot_id,
        record.origin,
        _pack(record.event_types),
        _pack(record.tags),
        segment.length,
        segment.adler,
    )
    return (number, checksum("records", (number, *plain), segment.deflated), *plain, segment.deflated)


def to_record(row: Sequence[Any]) -> StoredRecord:
    """Return the record of a row; raises `DamagedRow` unless it is exactly what was stored."""
    try:
        whole = checksum("records", (row[0], *row[2:18]), row[18]) == row[1]
        segment = Segment(deflated=row[18], length=row[16], adler=row[17])
        record = Record(
            name=row[2],
            count=row[3],
            first_time=row[6],
            last_time=row[7],
            captured=row[8],
            boottime=row[9],
            clock_trusted=bool(row[10]),
            hostname=row[11],
            boot_id=row[12],
            origin=row[13],
            event_types=_unpack(row[14]),
            tags=_unpack(row[15]),
            segment=segment,
        )
    except Exception:  # noqa: BLE001 - whatever a damaged row makes Python do, it is the row's damage
        raise DamagedRow("records", row[0]) from None
    if not whole:
        raise DamagedRow("records", row[0])
    return StoredRecord(number=row[0], record=record)


def record_is_whole(row: Sequence[Any]) -> bool:
    """Return whether a row of `records`, in the order of its columns, is what was stored."""
    try:
        return bool(checksum("records", (row[0], *row[2:18]), row[18]) == row[1])
    except Exception:  # noqa: BLE001 - whatever a damaged row makes Python do, it is the row's damage
        return False


def rejected_is_whole(row: Sequence[Any]) -> bool:
    """Return whether a row of `rejected`, in the order of its columns, is what was stored."""
    try:
        return bool(checksum("rejected", (row[0], *row[2:12]), row[12]) == row[1])
    except Exception:  # noqa: BLE001 - whatever a damaged row makes Python do, it is the row's damage
        return False


@lru_cache(maxsize=512)
def _pack(texts: tuple[str, ...]) -> str:
    return json.dumps(texts, separators=(",", ":"))


@lru_cache(maxsize=512)
def _unpack(text: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(text)))
