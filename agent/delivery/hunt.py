"""A refused batch in search of the event that is at fault, and how far it may be acknowledged.

Joins the pure `Search` with the events and their places in the spool. The position moves only over
events that were delivered, rejected or filtered out, in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.delivery.items import Item
from agent.delivery.search import Search, Verdict
from spool import Batch, Position, Rejection


@dataclass(frozen=True, slots=True)
class Progress:
    """What may be acknowledged."""

    upto: Position
    delivered: int
    filtered: int
    rejected: tuple[Rejection, ...]


class Hunt:
    """One refused batch, until every event of it is settled."""

    def __init__(self, batch: Batch, hostname: str, items: Sequence[Item]) -> None:
        self.hostname = hostname
        self._batch = batch
        self._items = items
        self._wanted = [at for at, item in enumerate(items) if item.wanted]
        self._done = 0
        self.search = Search(len(self._wanted))

    def parts(self) -> list[Item]:
        """Return the events to send next, none when the search is over."""
        current = self.search.current
        return [] if current is None else [self._items[self._wanted[at]] for at in current]

    def progress(self) -> Progress | None:
        """Return what is settled since the last call, or None."""
        settled = self.search.settled
        is_all = settled == len(self._wanted)
        bound = len(self._items) if is_all else self._wanted[settled]
        if bound == self._done:
            return None
        part = range(self._done, bound)
        rejected = tuple(
            self._rejection(at)
            for at, index in enumerate(self._wanted)
            if index in part and self.search.verdicts[at] is Verdict.REJECTED
        )
        wanted = sum(self._items[index].wanted for index in part)
        self._done = bound
        return Progress(
            upto=self._batch.upto if is_all else self._items[bound].position,
            delivered=wanted - len(rejected),
            filtered=len(part) - wanted,
            rejected=rejected,
        )

    def _rejection(self, at: int) -> Rejection:
        item = self._items[self._wanted[at]]
        reason, status = self.search.reasons[at]
        return Rejection(item.position, item.name, item.body, reason, status)
