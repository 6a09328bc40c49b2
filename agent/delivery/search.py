"""Which of some events does a destination refuse? Pure: it says what to send next and is told the answer.

It halves what is refused, left part first, so that the order stays. A single refused event is only a
suspect until the destination has accepted another one; then it is sent once more, and refused again
it is guilty. A destination that refuses everything thus makes no event guilty, however long it lasts:
after some refusals in a row the search wants a rest.
"""

from collections.abc import Iterator
from enum import Enum, auto

PATIENCE = 32
"""Refusals in a row before the first rest: more than the way down to one event of a thousand."""

PATIENCE_AFTER_REST = 16

FEW = 4
"""Suspects at the very end, which an acceptance before them must do for, none being left to come after."""


class Verdict(Enum):
    """What is known of one event."""

    UNKNOWN = auto()
    SUSPECT = auto()
    DELIVERED = auto()
    REJECTED = auto()


class Search:
    """A search among `count` events, all refused together."""

    def __init__(self, count: int) -> None:
        self.verdicts = [Verdict.UNKNOWN] * count
        self.reasons: dict[int, tuple[str, int]] = {}
        """Text and status of the last refusal, by event."""
        self._waiting: list[range] = [range(count)]
        self._suspects: list[int] = []
        self._accepted_any = False
        self._accepted_since_suspect = False
        self._patience = PATIENCE

    @property
    def current(self) -> range | None:
        """Return what to send next, or None when nothing is left to try."""
        if self._suspects and (self._accepted_since_suspect or self._is_few_at_the_end):
            return range(self._suspects[0], self._suspects[0] + 1)
        return self._waiting[-1] if self._waiting else None

    @property
    def accepted_another(self) -> bool:
        """Return whether a refusal of `current`, a single event, is its own fault."""
        return self._is_retrial

    @property
    def wants_rest(self) -> bool:
        """Return whether it seems to be the destination, not the events."""
        return self._patience <= 0 or (self.current is None and bool(self._suspects))

    @property
    def is_over(self) -> bool:
        """Return whether every event has its verdict, or no more can be learnt from these."""
        return self.current is None

    @property
    def settled(self) -> int:
        """Return how many events from the first on are delivered or rejected."""
        done = {Verdict.DELIVERED, Verdict.REJECTED}
        return next(
            (at for at, verdict in enumerate(self.verdicts) if verdict not in done), len(self.verdicts)
        )

    def accepted(self) -> None:
        """Take note that `current` was delivered."""
        for at in self._take():
            self.verdicts[at] = Verdict.DELIVERED
        self._accepted_any = True
        self._accepted_since_suspect = True
        self._patience = PATIENCE

    def refused(self, reason: str, status: int) -> None:
        """Take note that `current` was refused, and nothing shows that it is its own fault."""
        part = self._take()
        self._patience -= 1
        if len(part) > 1:
            self._waiting += _halves(part)
            return
        self.verdicts[part.start] = Verdict.SUSPECT
        self.reasons[part.start] = (reason, status)
        self._suspects.append(part.start)
        self._accepted_since_suspect = False

    def guilty(self, reason: str, status: int) -> None:
        """Take note that `current`, a single event, is refused for good."""
        (at,) = self._take()
        self.verdicts[at] = Verdict.REJECTED
        self.reasons[at] = (reason, status)

    def too_much(self) -> None:
        """Take note that `current` was too much for the line."""
        if not self._is_retrial and self._waiting and len(self._waiting[-1]) > 1:
            self._waiting += _halves(self._waiting.pop())

    def rested(self) -> None:
        """Go on for a while after a rest."""
        self._patience = PATIENCE_AFTER_REST

    @property
    def _is_few_at_the_end(self) -> bool:
        return self._accepted_any and not self._waiting and len(self._suspects) <= FEW

    @property
    def _is_retrial(self) -> bool:
        return self.current is not None and bool(self._suspects) and self.current[0] == self._suspects[0]

    def _take(self) -> range:
        part = self.current
        assert part is not None  # noqa: S101 - the caller sent it
        if self._is_retrial:
            self._suspects.pop(0)
        else:
            self._waiting.pop()
        return part


def _halves(part: range) -> Iterator[range]:
    """Return the right half, then the left one, which is to be tried first."""
    middle = part.start + (len(part) + 1) // 2
    yield range(middle, part.stop)
    yield range(part.start, middle)
