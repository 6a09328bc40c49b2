"""What a destination is, and the contract it keeps. Start here to write one.

1. `deliver` makes one request of what it is given and returns what became of it as a value. It raises
   nothing: whatever goes wrong is an outcome. It returns within the time it is given, whatever the
   other side does.
2. No outcome, log line, exception or `repr` ever holds a credential.
3. It keeps nothing of the events. Waiting, retrying, splitting, rejecting and acknowledging are the
   delivery's, so an outcome says what the answer is, never what is to follow from it.
4. It belongs to one thread, but for `cut_short` and `close`, which any thread may call.
5. One that also tells how the host *is* (`TellsState`) asks to be woken for it. That is state, not history: it is made
   when it is due, kept nowhere, and never waits behind a backlog; events never wait for one that failed.
"""

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from agent.delivery.outcome import Outcome
from agent.delivery.outgoing import Outgoing


class DestinationError(Exception):
    """A destination that cannot be made as configured; `hint` says what to do."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint


class Destination(Protocol):
    """A remote side of any kind; see the contract above."""

    @property
    def name(self) -> str:
        """Return the operator's name for it."""
        ...

    @property
    def identity(self) -> str:
        """Return what it is, whatever its name: a hash of type and URL, never of a credential."""
        ...

    @property
    def max_events(self) -> int:
        """Return how many events one request may hold; with 1 every acknowledgement is synced."""
        ...

    @property
    def kinds(self) -> Collection[str]:
        """Return the kinds of records it takes, usually `{"event"}`; others are passed over, counted as filtered."""
        ...

    def deliver(self, outgoing: Outgoing, timeout_seconds: float) -> Outcome:
        """Make one request of the events and return what became of it."""
        ...

    def credential_changed(self) -> bool:
        """Return whether the credential is another than the one last used: a pause is then worth a try."""
        ...

    def cut_short(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        ...

    def close(self) -> None:
        """Close connections; `deliver` is not called again."""
        ...


@runtime_checkable
class TellsState(Protocol):
    """What a destination has besides when it also tells how the host is."""

    def due_seconds(self) -> float | None:
        """Return after how many seconds `tell_state` is to be called; None while it is not."""
        ...

    def tell_state(self, timeout_seconds: float) -> Outcome:
        """Make one request of the host's state as it is now; due again at a later time, whatever becomes of it.

        Whatever the outcome, it means this state alone: it is logged, and nothing is rejected, paused or held back.
        """
        ...
