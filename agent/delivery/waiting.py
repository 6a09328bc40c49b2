"""How much waits for a destination whose filter will not let all of it pass.

The spool counts what lies before a destination, whoever it is for. Here the filter is asked, record by record, and
event by event only where a record holds both. It moves nothing. Of a long backlog the beginning is looked at.
"""

from collections.abc import Collection
from typing import Protocol

import msgspec

from agent.delivery.filter import Filter
from agent.delivery.outgoing import bodies
from spool import Batch, DestinationStatus, Piece, Position, SegmentError

LOOKED_AT_EVENTS = 10_000
_AT_ONCE_EVENTS = 1000
_AT_ONCE_BYTES = 1024 * 1024


class Look(Protocol):
    """Returns what lies from a position on, as `SpoolReader.look` does."""

    def __call__(
        self, position: Position, *, kinds: Collection[str], max_events: int, max_bytes: int
    ) -> Batch:
        """Return the next batch; no pieces when nothing waits."""
        ...


def that_passes(
    found: DestinationStatus,
    passes: Filter,
    kinds: Collection[str],
    look: Look,
    *,
    looked_at: int = LOOKED_AT_EVENTS,
) -> DestinationStatus:
    """Return where a destination stands, with only that waiting which it is going to get.

    Behind so many events as are `looked_at` what waits is counted as if all of it passed.
    """
    events = size = seen = seen_bytes = 0
    oldest: int | None = None
    since: float | None = None
    position = found.position
    at_once = min(_AT_ONCE_EVENTS, looked_at)
    while seen < looked_at:
        batch = look(position, kinds=kinds, max_events=at_once, max_bytes=_AT_ONCE_BYTES)
        seen += batch.passed_over
        for piece in batch.pieces:
            count = piece.last_entry - piece.first_entry
            passing = _passing(piece, passes)
            seen += count
            seen_bytes += _bytes(piece, count)
            events += passing
            size += _bytes(piece, passing)
            if passing and oldest is None:
                oldest = piece.record.first_time
                since = piece.record.captured if piece.record.clock_trusted else None
        if batch.upto == position:
            break
        position = batch.upto
    else:
        events += max(0, found.waiting_events - seen)
        size += max(0, found.waiting_bytes - seen_bytes)
    return found._replace(
        waiting_events=events, waiting_bytes=size, oldest_waiting_time=oldest, waiting_since=since
    )


def _passing(piece: Piece, passes: Filter) -> int:
    """Return how many events of a piece pass; what cannot be read is counted, since it is tried."""
    count = piece.last_entry - piece.first_entry
    matches = passes.matches_record(piece.record)
    if matches is not None:
        return count if matches else 0
    try:
        return sum(map(passes.passes, bodies(piece)))
    except (SegmentError, msgspec.MsgspecError):
        return count


def _bytes(piece: Piece, count: int) -> int:
    return piece.record.segment.length * count // max(1, piece.record.count)
