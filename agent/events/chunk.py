"""Events into records and back: a chunk holds events of one name that were captured together.

A chunk is bounded so that damage on the disk stays local, and holds many so that a burst stays cheap:
it is compressed once, here, unless it is one small event, and goes to a receiver as it lies on the disk. What must be known
without decoding it (types, times, tags) stands beside it. Never looks into an event's JSON.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, groupby
from typing import ClassVar, TypeVar, cast

import msgspec

from spool import Record, inflate, pack

T = TypeVar("T")

MAX_CHUNK_EVENTS = 64
MAX_CHUNK_BYTES = 32 * 1024
SPLICED_BYTES = 8 * 1024
"""Of JSON: from here on a chunk goes into a request as it lies on the disk. A smaller one is compressed once more, with those beside it: a segment
of its own costs more on the line than that costs us."""


class Captured(msgspec.Struct, frozen=True, gc=False):
    """One event as it is kept: its JSON object, and what is known of it without decoding that."""

    name: str
    body: bytes | msgspec.Raw
    timestamp: int
    event_type: str
    tags: tuple[str, ...] = ()
    count: ClassVar[int] = 1


class Together(msgspec.Struct, frozen=True, gc=False):
    """Events of one name that came together and go into one chunk, at most `MAX_CHUNK_EVENTS` in `MAX_CHUNK_BYTES`."""

    name: str
    json: bytes
    """Their JSON objects, with commas between."""
    count: int
    first_time: int
    last_time: int
    event_types: tuple[str, ...]
    """Each once, as the tags."""
    tags: tuple[str, ...]


class Items(msgspec.Struct, frozen=True):
    """What only its own system takes, as it came: the JSON values of one list of a body."""

    kind: str
    """The kind of its record, as `stackstate/metrics`."""
    name: str
    hostname: str
    """Whose they are; empty where that is this host, and has no name yet."""
    timestamp: int
    """When they were collected, in seconds since the epoch."""
    bodies: Sequence[bytes | msgspec.Raw]


class Stamp(msgspec.Struct, frozen=True):
    """Where and when a chunk was captured; see `Record` for the units."""

    hostname: str
    boot_id: str
    boottime: float
    captured: float
    clock_trusted: bool


def chunk(captured: Sequence[Captured | Together], stamp: Stamp, origin: str) -> list[Record]:
    """Return the events as records: by name in the order of its first event, in order within a name."""
    if len(captured) == 1 and isinstance(captured[0], Captured):
        return [_single(captured[0], stamp, origin)]
    records: list[Record] = []
    for kind, alike in groupby(captured, type):
        if kind is Together:
            records += [_of_many(events, stamp, origin) for events in cast("Iterator[Together]", alike)]
        else:
            records += _chunked(cast("list[Captured]", [*alike]), stamp, origin)
    return records


def _chunked(captured: Sequence[Captured], stamp: Stamp, origin: str) -> list[Record]:
    by_name = _by_name(captured)
    return [_record(name, part, stamp, origin) for name, events in by_name.items() for part in _parts(events)]


def chunk_items(items: Items, stamp: Stamp, origin: str) -> list[Record]:
    """Return what only its own system takes as records of its kind, in order, under the name it came for."""
    captured = [Captured(items.name, body, items.timestamp, "") for body in items.bodies]
    records = chunk(captured, msgspec.structs.replace(stamp, hostname=items.hostname), origin)
    return [record._replace(kind=items.kind, event_types=()) for record in records]


def entries(record: Record) -> list[bytes]:
    """Return the JSON object of each event of a record, in order.

    Raises `ValueError` when the record's bytes are no chunk.
    """
    objects = msgspec.json.decode(b"[" + inflate(record.segment) + b"]", type=list[msgspec.Raw])
    if len(objects) != record.count:
        raise ValueError(f"a chunk of {record.count} events holds {len(objects)}")
    return [bytes(body) for body in objects]


def share(left_bytes: int, chunks: int, event_bytes: int) -> int:
    """Return how much of what is left for so many chunks the first of them takes, where that is no more than fits.

    It takes all but `SPLICED_BYTES` for each of the others, where there is enough for all: so chunks are filled, and what the last ones
    hold lies in the page of the one before. As a chunk ends with an event, each is left one of that size more.
    """
    least_bytes = SPLICED_BYTES + event_bytes
    return left_bytes if left_bytes < chunks * least_bytes else left_bytes - (chunks - 1) * least_bytes


def distinct(values: Sequence[T]) -> dict[T, None]:
    """Return each value once, in the order of the first of each; where all are equal, as mostly, only one is hashed."""
    first = values[0]
    all_equal = first == values[-1] and values.count(first) == len(values)
    return dict.fromkeys(values[:1] if all_equal else values)


def _single(event: Captured, stamp: Stamp, origin: str) -> Record:
    """Return one event as a record, as `_record` would: what is posted alone is worth a way of its own."""
    return Record(
        event.name,
        1,
        event.timestamp,
        event.timestamp,
        (event.event_type,),
        tuple(dict.fromkeys(event.tags)),
        stamp.hostname,
        stamp.boot_id,
        stamp.boottime,
        stamp.captured,
        stamp.clock_trusted,
        pack(bytes(event.body)),
        origin,
    )


def _by_name(captured: Sequence[Captured]) -> Mapping[str, Sequence[Captured]]:
    names = dict.fromkeys([event.name for event in captured])
    if len(names) == 1:
        return dict.fromkeys(names, captured)
    by_name: dict[str, list[Captured]] = {name: [] for name in names}
    for event in captured:
        by_name[event.name].append(event)
    return by_name


def _parts(events: Sequence[Captured]) -> Iterator[Sequence[Captured]]:
    if len(events) == 1:  # it goes alone, however large it is
        yield events
        return
    ends = list(accumulate(map(len, [event.body for event in events])))
    count, size_bytes = len(events), ends[-1] // len(events)
    start = before = 0
    while start < count:
        left_bytes = ends[-1] - before
        chunks = max(-(-left_bytes // MAX_CHUNK_BYTES), -(-(count - start) // MAX_CHUNK_EVENTS))
        fitting = bisect_right(ends, before + min(MAX_CHUNK_BYTES, share(left_bytes, chunks, size_bytes)))
        end = max(start + 1, min(start + MAX_CHUNK_EVENTS, fitting))
        yield events[start:end]
        start, before = end, ends[end - 1]


def _record(name: str, events: Sequence[Captured], stamp: Stamp, origin: str) -> Record:
    times = [event.timestamp for event in events]
    together = Together(
        name,
        b",".join([event.body for event in events]),
        len(events),
        min(times),
        max(times),
        tuple(distinct([event.event_type for event in events])),
        tuple(dict.fromkeys(chain.from_iterable(distinct([event.tags for event in events])))),
    )
    return _of_many(together, stamp, origin)


def _of_many(events: Together, stamp: Stamp, origin: str) -> Record:
    return Record(
        events.name,
        events.count,
        events.first_time,
        events.last_time,
        events.event_types,
        events.tags,
        stamp.hostname,
        stamp.boot_id,
        stamp.boottime,
        stamp.captured,
        stamp.clock_trusted,
        pack(events.json),
        origin,
    )
