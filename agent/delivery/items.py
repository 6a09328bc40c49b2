"""A batch event by event: only for what has to be looked at, as a filter, a correction or a search.

A batch that needs none of these goes out as it lies on disk, by `whole`. Order is the spool's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from agent.configuration.types import Only
from agent.destinations.destination import Entries
from spool import Batch, Piece, Position, Record, inflate


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a batch and its place in the spool; `wanted` when this destination's filter lets it pass."""

    position: Position
    name: str
    body: bytes
    wanted: bool = True


class _Seen(msgspec.Struct):
    """What a filter looks at; anything else than texts there passes no filter."""

    event_type: msgspec.Raw = msgspec.Raw(b'""')
    tags: msgspec.Raw = msgspec.Raw(b"[]")


_SEEN = msgspec.json.Decoder(_Seen)
_OBJECTS = msgspec.json.Decoder(list[msgspec.Raw])

Correct = Callable[[Record, bytes], bytes]


def whole(batch: Batch) -> list[Entries]:
    """Return the batch without decoding a record, but for the part of one that the position cuts."""
    return [
        Entries(piece.record.name, piece.record.segment if piece.is_whole else b",".join(bodies(piece)))
        for piece in batch.pieces
    ]


def bodies(piece: Piece) -> list[bytes]:
    """Return the JSON object of each event of a piece."""
    objects = _OBJECTS.decode(b"[" + inflate(piece.record.segment) + b"]")
    return [bytes(one) for one in objects[piece.first_entry : piece.last_entry]]


def items(batch: Batch, only: Only, correct: Correct | None = None) -> list[Item]:
    """Return every event of a batch, corrected where asked, and whether the filter lets it pass."""
    return list(_items(batch, only, correct))


def _items(batch: Batch, only: Only, correct: Correct | None) -> Iterator[Item]:
    for piece in batch.pieces:
        record = piece.record
        wanted = certainty(record, only)
        for entry, body in enumerate(bodies(piece), piece.first_entry):
            passes = _passes(body, only) if wanted is None else wanted
            if passes and correct is not None:
                body = correct(record, body)  # noqa: PLW2901 - what was captured is not sent
            yield Item(Position(piece.number, entry), record.name, body, passes)


def grouped(parts: Iterable[Item]) -> list[Entries]:
    """Return events as entries, one for each name, in the order of its first event."""
    by_name: dict[str, list[bytes]] = {}
    for item in parts:
        by_name.setdefault(item.name, []).append(item.body)
    return [Entries(name, b",".join(found)) for name, found in by_name.items()]


def certainty(record: Record, only: Only) -> bool | None:
    """Return whether all (True) or none (False) of a record pass, or None when its events must be asked.

    A record tells the union of its events' types and tags.
    """
    by_type = _covers(only.types, record.event_types, record.count)
    by_tag = _covers(only.tags, record.tags, record.count)
    if by_type is False or by_tag is False:
        return False
    return True if by_type and by_tag else None


def _covers(wanted: Sequence[str], present: Sequence[str], count: int) -> bool | None:
    if not wanted:
        return True
    if not set(wanted) & set(present):
        return False
    return True if count == 1 or (set(present) <= set(wanted) and len(present) == 1) else None


def _passes(body: bytes, only: Only) -> bool:
    try:
        seen = _SEEN.decode(body)
    except msgspec.ValidationError:
        return False  # no object: it has neither a type nor a tag
    if only.types and msgspec.json.decode(seen.event_type) not in only.types:
        return False
    if not only.tags:
        return True
    tags = msgspec.json.decode(seen.tags)
    return isinstance(tags, list) and any(tag in only.tags for tag in tags)


def needs_looking(batch: Batch, only: Only) -> bool:
    """Return whether the batch must be decoded before it is sent."""
    if batch.needs_correction:
        return True
    if not (only.types or only.tags):
        return False
    return any(certainty(piece.record, only) is not True for piece in batch.pieces)
