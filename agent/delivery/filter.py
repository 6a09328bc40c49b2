"""Which events a destination is to get, and a batch event by event where that has to be looked at.

What a record tells beside its bytes is asked first; only what that leaves open is decoded.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from agent.configuration.types import Only
from agent.delivery.outgoing import OutgoingEvent, bodies
from agent.events import stored_event
from spool import EVENT, Batch, Position, Record


class Item(NamedTuple):
    """One event of a batch and its place in the spool; `wanted` when the filter lets it pass."""

    position: Position
    event: OutgoingEvent
    wanted: bool = True


Correct = Callable[[Record, bytes], bytes]
"""Returns an event's JSON as it is to be sent, from how it was captured."""


class Filter(msgspec.Struct, frozen=True):
    """Lets an event pass when it matches each list that is given, and its name is none that never goes there."""

    only: Only
    never: frozenset[str] = frozenset()

    def matches_record(self, record: Record) -> bool | None:
        """Return whether all (True) or none (False) of a record pass, or None when its events must be asked.

        A record tells the union of its events' types and tags.
        """
        if record.kind == EVENT and record.name in self.never:
            return False
        by_type = _covers(self.only.types, record.event_types, record.count)
        by_tag = _covers(self.only.tags, record.tags, record.count)
        if by_type is False or by_tag is False:
            return False
        return True if by_type and by_tag else None

    def needs_decoding(self, batch: Batch) -> bool:
        """Return whether the batch must be decoded before it is sent."""
        asks = bool(self.only.types or self.only.tags or self.never)
        return batch.needs_correction or (
            asks and any(self.matches_record(piece.record) is not True for piece in batch.pieces)
        )

    def items(self, batch: Batch, correct: Correct | None = None) -> list[Item]:
        """Return every event of a batch, corrected where asked, and whether it passes."""
        return list(self._items(batch, correct))

    def _items(self, batch: Batch, correct: Correct | None) -> Iterator[Item]:
        for piece in batch.pieces:
            record = piece.record
            matches = self.matches_record(record)
            for entry, body in enumerate(bodies(piece), piece.first_entry):
                wanted = self.passes(body) if matches is None else matches
                sent = correct(record, body) if wanted and correct is not None else body
                event = OutgoingEvent(record.name, sent, record.captured)
                yield Item(Position(piece.number, entry), event, wanted)

    def passes(self, body: bytes) -> bool:
        """Return whether one event's JSON passes, its name left aside."""
        event = stored_event.read(body)
        if event is None:
            return False  # no event: it has neither a type nor a tag
        if self.only.types and event.event_type not in self.only.types:
            return False
        return not self.only.tags or any(tag in self.only.tags for tag in event.tags or ())


def _covers(wanted: Sequence[str], present: Sequence[str], count: int) -> bool | None:
    if not wanted:
        return True
    if not set(wanted) & set(present):
        return False
    return True if count == 1 or (set(present) <= set(wanted) and len(present) == 1) else None
