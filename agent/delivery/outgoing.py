"""What one request is to hold: events as chunks that stay compressed, or one by one, decoded only when asked.

A destination reads it and keeps nothing of it. Nothing here decides what is sent, or knows a system.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from spool import EVENT, Piece, Segment, inflate

__all__ = [
    "EVENT",
    "Chunk",
    "Outgoing",
    "OutgoingEvent",
    "bodies",
    "chunks_of",
    "chunks_on_disk",
    "some",
]

_OBJECTS = msgspec.json.Decoder(list[msgspec.Raw])


class Chunk(msgspec.Struct, frozen=True):
    """Events of one name, in order: JSON objects joined by commas, compressed or not."""

    name: str
    json: bytes | Segment


class OutgoingEvent(NamedTuple):
    """One event: its name, its JSON object as it is stored, and when it was captured (seconds since the epoch)."""

    name: str
    body: bytes
    captured: float


class Outgoing(msgspec.Struct, frozen=True):
    """One request's events, in the order of the spool, all of one host and of one kind.

    `chunks` costs nothing while nothing had to be decoded; `events` inflates each record once, however many
    requests its events are sent in.
    """

    hostname: str
    count: int
    """How many events; at most the destination's `max_events`."""
    chunks: Callable[[], Sequence[Chunk]]
    """Return them as they lie on disk, names in no order, events of one name in theirs."""
    events: Callable[[], Sequence[OutgoingEvent]]
    """Return them one by one."""
    kind: str = EVENT
    """What the records are; see `Destination.kinds`."""
    first_time: int = 0
    """Of the earliest event, in seconds since the epoch; of what is no event, when it was collected."""


def chunks_on_disk(pieces: Iterable[Piece]) -> list[Chunk]:
    """Return pieces without decoding a record, but for the one of which only a part is meant."""
    found = []
    for piece in pieces:
        _, record, first_entry, last_entry = piece
        is_whole = last_entry - first_entry == record.count
        found.append(Chunk(record.name, record.segment if is_whole else b",".join(bodies(piece))))
    return found


def chunks_of(events: Iterable[OutgoingEvent]) -> list[Chunk]:
    """Return single events as chunks, one for each name, in the order of its first event."""
    by_name: dict[str, list[bytes]] = {}
    for event in events:
        by_name.setdefault(event.name, []).append(event.body)
    return [Chunk(name, b",".join(found)) for name, found in by_name.items()]


def bodies(piece: Piece) -> list[bytes]:
    """Return the JSON object of each event of a piece."""
    objects = _OBJECTS.decode(b"[" + inflate(piece.record.segment) + b"]")
    return [bytes(one) for one in objects[piece.first_entry : piece.last_entry]]


def some(
    hostname: str, events: Sequence[OutgoingEvent], *, kind: str = EVENT, first_time: int = 0
) -> Outgoing:
    """Return a request of events that are decoded already."""
    return Outgoing(hostname, len(events), lambda: chunks_of(events), lambda: events, kind, first_time)
