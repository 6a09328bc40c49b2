"""Records as rows of the database, and back."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from spool.errors import DamagedRow
from spool.record import Record, Segment, StoredRecord
from spool.tables import RECORDS, RecordRow


def from_record(number: int, events_before: int, bytes_before: int, record: Record) -> tuple[Any, ...]:
    """Return the columns of a `RecordRow`, in their order, ready for `RECORDS.insert`."""
    deflated, length, adler = record.segment
    values = (
        record.kind,
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
        length,
        adler,
    )
    return RECORDS.sealed(number, values, deflated)


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
