"""Find, by halves, which events of a refused batch are at fault. Pure: it says what to send next and is told the answer.

A refused part is halved, left half first, so that the order stays. A single refused event is only a
suspect until the destination has accepted another one, of this batch or of what `join`s it; then it is sent once more, and refused again
it is rejected. A destination that refuses everything thus makes no event guilty, however long it lasts:
after some refusals in a row the search wants a pause. With one event a request it begins with parts of
one, and the same rules hold. Why a suspect needs another event to be accepted: a proxy that is broken and answers
400 to everything must not empty the spool (docs/decisions/0013-when-an-event-is-rejected.md, 0035).
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum, auto

PATIENCE = 32
"""Refusals in a row before the first pause: more than the way down to one event of a thousand."""

PATIENCE_AFTER_PAUSE = 16

FEW = 4
"""Suspects at the very end, which an acceptance before them must do for, none being left to come after."""

Reason = tuple[str, int | None]
"""Text and status of a refusal."""


class Verdict(Enum):
    """What is known of one event."""

    UNKNOWN = auto()
    SUSPECT = auto()
    DELIVERED = auto()
    REJECTED = auto()
    DEFERRED = auto()
    """Refused, and it may pass by itself: it is tried again apart from the others."""


_SETTLED = {Verdict.DELIVERED, Verdict.REJECTED, Verdict.DEFERRED}


class Bisection:
    """A search among as many events as the parts hold, which are sent in this order at first."""

    def __init__(self, parts: Sequence[range]) -> None:
        self.verdicts = [Verdict.UNKNOWN] * sum(map(len, parts))
        self.reasons: dict[int, Reason] = {}
        """Of the last refusal, by event."""
        self._waiting: list[range] = list(reversed(parts))
        self._suspects: list[int] = []
        self._accepted_any = False
        self._accepted_since_suspect = False
        self._patience = PATIENCE
        self._begins_anew = False
        self.has_begun = False
        """Whether anything was refused or settled."""

    @property
    def current(self) -> range | None:
        """Return what to send next, or None when nothing is left to try."""
        if self._suspects and (self._may_judge or self._begins_anew):
            return range(self._suspects[0], self._suspects[0] + 1)
        return self._waiting[-1] if self._waiting else None

    @property
    def wants_pause(self) -> bool:
        """Return whether it seems to be the destination, not the events."""
        return self._patience <= 0 or self.is_in_doubt

    @property
    def is_in_doubt(self) -> bool:
        """Return whether nothing is left to try, and some are suspects for want of another that is accepted."""
        return self.current is None and bool(self._suspects)

    @property
    def is_over(self) -> bool:
        """Return whether every event has its verdict, or no more can be learnt from these."""
        return self.current is None

    @property
    def settled(self) -> int:
        """Return how many events from the first on are delivered, rejected or deferred."""
        if not self._waiting and not self._suspects:
            return len(self.verdicts)  # the usual case, at no cost an event
        return next(
            (at for at, verdict in enumerate(self.verdicts) if verdict not in _SETTLED), len(self.verdicts)
        )

    def join(self, parts: Sequence[range]) -> None:
        """Go on with these, which come behind all others."""
        self.verdicts += [Verdict.UNKNOWN] * sum(map(len, parts))
        self._waiting[:0] = reversed(parts)

    def left_behind(self, part: range) -> list[int]:
        """Return which events of a part are rejected or deferred, in order."""
        return [
            at
            for at in sorted(self.reasons)
            if at in part and self.verdicts[at] in (Verdict.REJECTED, Verdict.DEFERRED)
        ]

    def accepted(self, count: int | None = None) -> None:
        """Take note that `current` was delivered, or only so many of it from its first on (at least one)."""
        part = self._take()
        accepted = part if count is None else part[:count]
        if len(accepted) < len(part):
            self._waiting.append(part[len(accepted) :])
        self._deliver(accepted)

    def refused(self, reason: str, status: int | None) -> None:
        """Take note that `current` was refused, and it may be the destination that is at fault."""
        is_retrial, may_judge = self._is_retrial, self._may_judge
        part = self._take()
        self._patience -= 1
        if len(part) > 1:
            self._waiting += _halves(part)
        elif is_retrial and may_judge:
            self._settle(part.start, Verdict.REJECTED, (reason, status))
        else:
            self.verdicts[part.start] = Verdict.SUSPECT
            self.reasons[part.start] = (reason, status)
            self._suspects.insert(0 if is_retrial else len(self._suspects), part.start)
            self._accepted_since_suspect = False

    def judged(self, verdict: Verdict, reason: str, status: int | None) -> None:
        """Take note that `current` is refused for good, or deferred; more than one event are halved, to see which."""
        part = self._take()
        if len(part) > 1:
            self._waiting += _halves(part)
        else:
            self._settle(part.start, verdict, (reason, status))

    def named(self, guilty: AbstractSet[int], reason: str, status: int | None) -> None:
        """Take note that of `current` these, counted from its first, are refused for good, all others delivered."""
        part = self._take()
        self._deliver([at for index, at in enumerate(part) if index not in guilty])
        for index, at in enumerate(part):
            if index in guilty:
                self._settle(at, Verdict.REJECTED, (reason, status))

    def too_much(self) -> None:
        """Take note that `current` was too much for the line."""
        if not self._is_retrial and self._waiting and len(self._waiting[-1]) > 1:
            self._waiting += _halves(self._waiting.pop())

    def paused(self) -> None:
        """Go on for a while after a pause, with the first suspect: where all was the destination's fault, the order stays."""
        self._patience = PATIENCE_AFTER_PAUSE
        self._begins_anew = True

    @property
    def _may_judge(self) -> bool:
        """Return whether a suspect that is refused once more is guilty."""
        return self._accepted_since_suspect or self._is_few_at_the_end

    @property
    def _is_few_at_the_end(self) -> bool:
        return self._accepted_any and not self._waiting and len(self._suspects) <= FEW

    @property
    def _is_retrial(self) -> bool:
        return self.current is not None and bool(self._suspects) and self.current[0] == self._suspects[0]

    def _take(self) -> range:
        part = self.current
        assert part is not None  # noqa: S101 - the caller sent it
        self.has_begun = True
        if self._is_retrial:
            self._suspects.pop(0)
        else:
            self._waiting.pop()
        self._begins_anew = False
        return part

    def _deliver(self, events: Sequence[int]) -> None:
        if isinstance(events, range):
            self.verdicts[events.start : events.stop] = [Verdict.DELIVERED] * len(events)
        else:
            for at in events:
                self.verdicts[at] = Verdict.DELIVERED
        if events:
            self._accepted_any = True
            self._accepted_since_suspect = True
            self._patience = PATIENCE

    def _settle(self, at: int, verdict: Verdict, reason: Reason) -> None:
        self.verdicts[at] = verdict
        self.reasons[at] = reason


def _halves(part: range) -> Iterator[range]:
    """Return the right half, then the left one, which is to be tried first."""
    middle = part.start + (len(part) + 1) // 2
    yield range(middle, part.stop)
    yield range(part.start, middle)
