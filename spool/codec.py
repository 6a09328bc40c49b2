"""Records as rows of the database, and back."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from spool.errors import DamagedRow
from spool.record import Record, Segment, StoredRecord
from spool.tables import RECORDS

_made = tuple.__new__  # as the classes make one, in a third of the time
_encode = json.JSONEncoder(separators=(",", ":")).encode


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
    if not RECORDS.is_whole(values):
        raise DamagedRow("records", values[0])
    return StoredRecord(values[0], record_of(values))


def record_of(row: Sequence[Any]) -> Record:
    """Return the record of the columns of a `RecordRow`, in their order, which are whole."""
    (
        _,
        _,
        kind,
        name,
        count,
        _,
        _,
        first_time,
        last_time,
        captured,
        boottime,
        trusted,
        host,
        boot,
        origin,
        types,
        tags,
        length,
        adler,
        deflated,
    ) = row
    return _made(
        Record,
        (
            name,
            count,
            first_time,
            last_time,
            _unpack(types),
            _unpack(tags),
            host,
            boot,
            boottime,
            captured,
            bool(trusted),
            _made(Segment, (deflated, length, adler)),
            origin,
            kind,
        ),
    )


@lru_cache(maxsize=512)
def _pack(texts: tuple[str, ...]) -> str:
    return _encode(texts)


@lru_cache(maxsize=512)
def _unpack(text: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(text)))
