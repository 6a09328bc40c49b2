"""Records as rows of the database, and back."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from spool.errors import DamagedRow
from spool.record import Record, Segment, StoredRecord
from spool.tables import RECORDS, RecordRow


def from_record(number: int, events_before: int, bytes_before: int, record: Record) -> RecordRow:
    """Return the row of a record, ready for `RECORDS.insert`."""
    segment = record.segment
    return RECORDS.sealed(
        RecordRow(
            number=number,
            crc=0,
            kind=record.kind,
            name=record.name,
            count=record.count,
            events_before=events_before,
            bytes_before=bytes_before,
            first_time=int(record.first_time),
            last_time=int(record.last_time),
            captured=float(record.captured),
            boottime=float(record.boottime),
            clock_trusted=int(record.clock_trusted),
            hostname=record.hostname,
            boot_id=record.boot_id,
            origin=record.origin,
            event_types=_pack(record.event_types),
            tags=_pack(record.tags),
            length=segment.length,
            adler=segment.adler,
            deflated=segment.deflated,
        )
    )


def to_record(values: Sequence[Any]) -> StoredRecord:
    """Return the record of a row; raises `DamagedRow` unless it is exactly what was stored."""
    row = RECORDS.whole(values)
    if row is None:
        raise DamagedRow("records", values[0])
    return record_of(row)


def record_of(row: RecordRow) -> StoredRecord:
    """Return the record of a row that is whole."""
    record = Record(
        kind=row.kind,
        name=row.name,
        count=row.count,
        first_time=row.first_time,
        last_time=row.last_time,
        captured=row.captured,
        boottime=row.boottime,
        clock_trusted=bool(row.clock_trusted),
        hostname=row.hostname,
        boot_id=row.boot_id,
        origin=row.origin,
        event_types=_unpack(row.event_types),
        tags=_unpack(row.tags),
        segment=Segment(deflated=row.deflated, length=row.length, adler=row.adler),
    )
    return StoredRecord(number=row.number, record=record)


@lru_cache(maxsize=512)
def _pack(texts: tuple[str, ...]) -> str:
    return json.dumps(texts, separators=(",", ":"))


@lru_cache(maxsize=512)
def _unpack(text: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(text)))
