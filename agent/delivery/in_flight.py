"""A batch in flight: what of it to send next, and how far it may be acknowledged.

Joins the pure `Bisection` with the events and their places in the spool. A batch that nothing is wrong with is
one part, which goes out as it lies on disk; with one event a request it is as many parts as events. Events
are decoded at most once, whatever number of requests they are sent in. The position moves only over events
that were delivered, rejected, deferred or filtered out, in order.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import msgspec

from agent.delivery.bisection import Bisection, Verdict
from agent.delivery.filter import Correct, Filter, Item
from agent.delivery.outcome import Delivered, Refused, TooLarge
from agent.delivery.outgoing import Outgoing, OutgoingEvent, chunks_of, chunks_on_disk
from spool import Batch, Position, Rejection


class Progress(msgspec.Struct, frozen=True):
    """What may be acknowledged."""

    upto: Position
    delivered: int
    filtered: int
    captured: Mapping[float, int]
    """When what was delivered had been captured, and how many events each time."""
    rejected: tuple[Rejection, ...]
    """Refused for good, or (`retrying`) to be tried again by themselves."""


class InFlightBatch:
    """One batch, until every event of it is settled; for one thread alone."""

    def __init__(
        self, batch: Batch, hostname: str, passing: Filter, correct: Correct | None, max_events: int
    ) -> None:
        self._batch = batch
        self._hostname = hostname
        self._decode = partial(passing.items, batch, correct)
        self._first_time = min(piece.record.first_time for piece in batch.pieces)
        self._items: Sequence[Item] | None = None
        self._wanted: Sequence[int] = range(batch.events)
        if passing.needs_decoding(batch):
            self._wanted = [at for at, item in enumerate(self._decoded()) if item.wanted]
        self.count = len(self._wanted)
        """How many events the destination is to get."""
        self._done = self._settled = 0
        """How many events, and how many of the wanted ones, `progress` has told."""
        self._search = Bisection(_parts(self.count, max_events))

    @property
    def bytes(self) -> int:
        """Return how many bytes of JSON the whole batch holds."""
        return self._batch.bytes

    @property
    def is_untouched(self) -> bool:
        """Return whether nothing of it was settled or refused yet: reading it anew loses nothing."""
        return not self._search.has_begun

    @property
    def is_over(self) -> bool:
        """Return whether every event is settled, or no more can be learnt from these."""
        return self._search.is_over

    @property
    def wants_pause(self) -> bool:
        """Return whether it seems to be the destination that is at fault, not the events."""
        return self._search.wants_pause

    def outgoing(self) -> Outgoing:
        """Return what to send next; only while it is not over."""
        part = self._part()
        events = partial(self._events, part)
        is_whole = self._items is None and len(part) == self._batch.events
        chunks = partial(chunks_on_disk, self._batch.pieces) if is_whole else lambda: chunks_of(events())
        return Outgoing(self._hostname, len(part), chunks, events, self._batch.kind, self._first_time)

    def delivered(self, outcome: Delivered) -> None:
        """Take note of how much of `outgoing` the destination has."""
        self._search.accepted(outcome.upto)

    def refused(self, outcome: Refused | TooLarge) -> None:
        """Take note that something of `outgoing` is refused."""
        reason, status = outcome.reason, outcome.status
        match outcome:
            case TooLarge():
                self._search.guilty(reason, status)
            case Refused(indices=named, is_verdict=is_verdict) if named is not None and (
                is_verdict or len(named) < len(self._part())
            ):
                self._search.named(named, reason, status)
            case Refused(is_verdict=True):
                self._search.guilty(reason, status)
            case Refused(retry_until=float()):
                self._search.deferred(reason, status)
            case Refused():
                self._search.refused(reason, status)

    def too_much(self) -> None:
        """Take note that `outgoing` was too much for the line."""
        self._search.too_much()

    def paused(self) -> None:
        """Go on for a while after a pause."""
        self._search.paused()

    def progress(self) -> Progress | None:
        """Return what is settled since the last call, or None."""
        settled = self._search.settled
        is_all = settled == self.count
        bound = self._batch.events if is_all else self._wanted[settled]
        if bound <= self._done:
            return None
        wanted = range(self._settled, settled)
        passed = bound - self._done
        self._done, self._settled = bound, settled
        left_behind = tuple(self._search.left_behind(wanted))
        rejected = tuple(map(self._rejection, left_behind))
        return Progress(
            upto=self._batch.upto if is_all else self._decoded()[bound].position,
            delivered=len(wanted) - len(rejected),
            filtered=passed - len(wanted),
            captured=self._captured(wanted, left_behind),
            rejected=rejected,
        )

    def _captured(self, settled: range, left_behind: Collection[int]) -> dict[float, int]:
        """Return the times of capture of those settled ones that were delivered, and how many each time."""
        counts: dict[float, int] = {}
        after = end = 0
        for piece in self._batch.pieces:
            begin, after = end, after + piece.last_entry - piece.first_entry
            end = after if isinstance(self._wanted, range) else bisect_left(self._wanted, after)
            inside = range(max(settled.start, begin), min(settled.stop, end))
            refused = sum(at in inside for at in left_behind) if left_behind else 0
            if count := len(inside) - refused:
                captured = piece.record.captured
                counts[captured] = counts.get(captured, 0) + count
        return counts

    def _part(self) -> range:
        part = self._search.current
        assert part is not None  # noqa: S101 - who asks has looked whether it is over
        return part

    def _decoded(self) -> Sequence[Item]:
        if self._items is None:
            self._items = self._decode()
        return self._items

    def _events(self, part: range) -> list[OutgoingEvent]:
        items = self._decoded()
        return [items[self._wanted[at]].event for at in part]

    def _rejection(self, at: int) -> Rejection:
        item = self._decoded()[self._wanted[at]]
        reason, status = self._search.reasons[at]
        return Rejection(
            item.position,
            item.event.name,
            item.event.body,
            reason,
            status,
            retrying=self._search.verdicts[at] is Verdict.DEFERRED,
        )


def _parts(count: int, most: int) -> list[range]:
    return [range(at, min(at + most, count)) for at in range(0, count, most)]
