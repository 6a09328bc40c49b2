"""A batch in flight: what of it to send next, and how far it may be acknowledged.

Joins the pure `Bisection` with the events and their places in the spool. A batch that nothing is wrong with is
one part, which goes out as it lies on disk; with one event a request it is as many parts as events. One that is
refused to its last event is joined by what lies behind it, of whatever host and kind, until something is accepted.
The position moves only over events that were delivered, rejected, deferred or filtered out, in order.
"""

from collections.abc import Mapping

import msgspec

from agent.delivery.bisection import Bisection, Verdict
from agent.delivery.content import Content
from agent.delivery.outcome import Delivered, Refused, TooLarge
from agent.delivery.outgoing import Outgoing
from spool import Position, Rejection


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

    def __init__(self, content: Content, max_events: int) -> None:
        self._contents = [content]
        """The first one is that of which `progress` tells; those before it are done with."""
        self._first = self._done = self._settled = 0
        """Where its events begin in the search; how many of its events, and of the wanted ones, `progress` has told."""
        self._in_front = 0
        """How many entries of other kinds lie before it and count as filtered; of what was read first the spool has counted them."""
        self._max_events = max_events
        self.count = content.count
        """How many events the destination is to get."""
        self.bytes = content.batch.bytes
        """Of JSON, in all of it."""
        self.joined = 0
        """How often something joined it."""
        self._search = Bisection(_parts(0, self.count, max_events))

    @property
    def upto(self) -> Position:
        """Return where in the spool it ends."""
        return self._contents[-1].batch.upto

    @property
    def is_untouched(self) -> bool:
        """Return whether nothing of it was settled or refused yet: reading it anew loses nothing."""
        return not self._search.has_begun

    @property
    def is_over(self) -> bool:
        """Return whether every event is settled, or no more can be learnt from these."""
        return self._search.is_over

    @property
    def is_in_doubt(self) -> bool:
        """Return whether only others can tell whether the events or the destination are at fault."""
        return self._search.is_in_doubt

    @property
    def wants_pause(self) -> bool:
        """Return whether it seems to be the destination that is at fault, not the events."""
        return self._search.wants_pause

    def join(self, content: Content) -> None:
        """Go on with what lies behind, which is settled only when all before it is."""
        self._contents.append(content)
        self._search.join(_parts(self.count, content.count, self._max_events))
        self.count += content.count
        self.bytes += content.batch.bytes
        self.joined += 1

    def outgoing(self) -> Outgoing:
        """Return what to send next; only while it is not over."""
        part = self._part()
        first = self._first
        for content in self._contents:
            if part.start < first + content.count:
                break
            first += content.count
        return content.outgoing(range(part.start - first, part.stop - first))

    def delivered(self, outcome: Delivered) -> None:
        """Take note of how much of `outgoing` the destination has."""
        self._search.accepted(outcome.upto)

    def refused(self, outcome: Refused | TooLarge) -> None:
        """Take note that something of `outgoing` is refused."""
        reason, status = outcome.reason, outcome.status
        match outcome:
            case Refused(indices=named, is_verdict=is_verdict) if named is not None and (
                is_verdict or len(named) < len(self._part())
            ):
                self._search.named(named, reason, status)
            case TooLarge() | Refused(is_verdict=True):
                self._search.judged(Verdict.REJECTED, reason, status)
            case Refused(retry_until=float()):
                self._search.judged(Verdict.DEFERRED, reason, status)
            case Refused():
                self._search.refused(reason, status)

    def too_much(self) -> None:
        """Take note that `outgoing` was too much for the line."""
        self._search.too_much()

    def paused(self) -> None:
        """Go on for a while after a pause."""
        self._search.paused()

    def progress(self) -> Progress | None:
        """Return what is settled since the last call, or None; what joined is told by calls of its own."""
        content = self._contents[0]
        settled = min(self._search.settled - self._first, content.count)
        bound = content.before(settled)
        progress = self._progress(content, settled, bound) if bound > self._done else None
        if progress and settled == content.count and len(self._contents) > 1:
            self._first += content.count
            self._done = self._settled = 0
            del self._contents[0]
            self._in_front = self._contents[0].batch.passed_over
        return progress

    def _progress(self, content: Content, settled: int, bound: int) -> Progress:
        wanted = range(self._settled, settled)
        passed = bound - self._done
        in_front, self._in_front = self._in_front, 0
        self._done, self._settled = bound, settled
        found = self._search.left_behind(range(self._first + wanted.start, self._first + wanted.stop))
        rejected = tuple(self._rejection(content, at) for at in found)
        return Progress(
            upto=content.place(settled),
            delivered=len(wanted) - len(rejected),
            filtered=in_front + passed - len(wanted),
            captured=content.captured(wanted, [at - self._first for at in found]),
            rejected=rejected,
        )

    def _part(self) -> range:
        part = self._search.current
        assert part is not None  # noqa: S101 - who asks has looked whether it is over
        return part

    def _rejection(self, content: Content, at: int) -> Rejection:
        item = content.item(at - self._first)
        reason, status = self._search.reasons[at]
        return Rejection(
            item.position,
            item.event.name,
            item.event.body,
            reason,
            status,
            retrying=self._search.verdicts[at] is Verdict.DEFERRED,
        )


def _parts(first: int, count: int, most: int) -> list[range]:
    return [range(at, min(at + most, first + count)) for at in range(first, first + count, most)]
