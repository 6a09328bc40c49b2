"""What one read of the spool holds for a destination: which events it is to get, and where each of them lies.

Events are decoded at most once, and not before something has to be known of a single one. It knows nothing of answers.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from functools import partial

from agent.delivery.filter import Correct, Filter, Item
from agent.delivery.outgoing import Outgoing, OutgoingEvent, chunks_of, chunks_on_disk
from spool import Batch, Position


class Content:
    """Events of one host and one kind; `at` counts those that pass the filter, from 0."""

    def __init__(self, batch: Batch, hostname: str, passing: Filter, correct: Correct | None) -> None:
        self.batch = batch
        self._hostname = hostname
        self._decode = partial(passing.items, batch, correct)
        self._first_time = min([piece.record.first_time for piece in batch.pieces])
        self._items: Sequence[Item] | None = None
        self._wanted: Sequence[int] = range(batch.events)
        if passing.needs_decoding(batch):
            self._wanted = [at for at, item in enumerate(self._decoded()) if item.wanted]
        self.count = len(self._wanted)
        """How many events the destination is to get."""

    def outgoing(self, part: range) -> Outgoing:
        """Return a request of a part of it; all of it goes as it lies on disk."""
        events = partial(self._events, part)
        is_whole = self._items is None and len(part) == self.batch.events
        chunks = partial(chunks_on_disk, self.batch.pieces) if is_whole else lambda: chunks_of(events())
        return Outgoing(self._hostname, len(part), chunks, events, self.batch.kind, self._first_time)

    def item(self, at: int) -> Item:
        """Return one event and its place."""
        return self._decoded()[self._wanted[at]]

    def before(self, at: int) -> int:
        """Return how many events lie before one, wanted or not; before the end, all of them."""
        return self.batch.events if at == self.count else self._wanted[at]

    def place(self, at: int) -> Position:
        """Return where one event lies; of the end, what comes behind."""
        return self.batch.upto if at == self.count else self.item(at).position

    def captured(self, part: range, but: Collection[int]) -> dict[float, int]:
        """Return the times of capture of a part, and how many events each time, without some."""
        counts: dict[float, int] = {}
        if len(part) == self.batch.events and not but:  # as nearly always
            for _, record, first, last in self.batch.pieces:
                counts[record.captured] = counts.get(record.captured, 0) + last - first
            return counts
        after = end = 0
        for piece in self.batch.pieces:
            begin, after = end, after + piece.last_entry - piece.first_entry
            end = after if isinstance(self._wanted, range) else bisect_left(self._wanted, after)
            inside = range(max(part.start, begin), min(part.stop, end))
            left = sum(at in inside for at in but) if but else 0
            if count := len(inside) - left:
                captured = piece.record.captured
                counts[captured] = counts.get(captured, 0) + count
        return counts

    def _decoded(self) -> Sequence[Item]:
        if self._items is None:
            self._items = self._decode()
        return self._items

    def _events(self, part: range) -> list[OutgoingEvent]:
        items = self._decoded()
        return [items[self._wanted[at]].event for at in part]
