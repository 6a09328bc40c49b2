"""Rejected events that are to be sent again: an operator asked for it, or the refusal may pass by itself.

Each goes alone, with the identifier it always had. One that an operator asked for stays rejected when it is
refused again; one that waits for something (`Refused.retry_until`) is tried until its time is over, counted
from when it was first refused, also across restarts. One leaves the list only when it is accepted.
"""

import logging
import time
from collections.abc import Callable
from typing import assert_never

from agent.delivery.backoff import Backoff
from agent.delivery.destination import Destination
from agent.delivery.outcome import Delivered, Paused, Refused, RetryLater, TooLarge
from agent.delivery.outgoing import OutgoingEvent, some
from agent.delivery.sender import Idle, Progressed, Sender, Step
from spool import RejectedEntry, Spool

_LOG = logging.getLogger("agent.delivery")


class Retries:
    """The rejected events of one destination that are to be tried again; for its loop's thread alone."""

    def __init__(
        self,
        destination: Destination,
        spool: Spool,
        sender: Sender,
        backoff: Backoff,
        *,
        hostname: Callable[[], str | None],
        wall: Callable[[], float],
    ) -> None:
        self._destination = destination
        self._spool = spool
        self._sender = sender
        self._backoff = backoff
        self._hostname = hostname
        self._wall = wall
        self._tried_upto = 0
        """The id of the last entry that was tried in this pass."""
        self._deferred = False
        """Whether one that was tried in this pass is to be tried again by itself."""
        self._passes = 0
        self._due: float | None = time.monotonic()
        """When the next pass is, or the next step of this one; a start looks after what is left."""

    @property
    def wait_seconds(self) -> float | None:
        """Return the seconds until the next try, None while nothing waits for one."""
        return None if self._due is None else max(0.0, self._due - time.monotonic())

    def ask(self) -> None:
        """Begin a pass now."""
        self._tried_upto, self._deferred, self._passes = 0, False, 0
        self._due = time.monotonic()

    def deferred(self) -> None:
        """Take note that an event was set aside to be tried again by itself."""
        if self._due is None:
            self._passes = 0
            self._schedule()

    def step(self, timeout_seconds: float) -> Step:
        """Try the next event of this pass; `Idle` when it is over."""
        entries = self._spool.rejected.retries(self._destination.name, after=self._tried_upto)
        if not entries:
            self._end_pass()
            return Idle()
        return self._try(entries[0], timeout_seconds)

    def _end_pass(self) -> None:
        self._tried_upto, self._due = 0, None
        if self._deferred:
            self._deferred = False
            self._schedule()

    def _schedule(self) -> None:
        self._passes += 1
        self._due = time.monotonic() + self._backoff.delay(self._passes)

    def _try(self, entry: RejectedEntry, timeout_seconds: float) -> Step:
        hostname = entry.hostname or self._hostname()
        if not hostname:
            return self._sender.without_hostname()
        event = OutgoingEvent(entry.name, entry.body, float(entry.event_time))
        outgoing = some(hostname, [event], kind=entry.kind, first_time=entry.event_time)
        outcome = self._destination.deliver(outgoing, timeout_seconds)
        match outcome:
            case Delivered():
                self._spool.rejected.retried(entry.id, accepted=True)
                self._tried_upto = entry.id
                return Progressed(delivered=True)
            case Refused() | TooLarge():
                self._refused(entry, outcome)
                self._tried_upto = entry.id
                return Progressed()
            case RetryLater() | Paused():
                return self._sender.blocked(outcome)
            case _:
                assert_never(outcome)

    def _refused(self, entry: RejectedEntry, outcome: Refused | TooLarge) -> None:
        if self._may_pass(entry, outcome):
            self._deferred = True
            return
        self._spool.rejected.retried(entry.id, accepted=False, reason=outcome.reason)
        _LOG.warning(
            "%s: refused the %s event %d again: %s",
            self._destination.name,
            entry.name,
            entry.id,
            outcome.reason,
        )

    def _may_pass(self, entry: RejectedEntry, outcome: Refused | TooLarge) -> bool:
        """Return whether it is still worth trying: the destination's patience began with the first refusal."""
        if not isinstance(outcome, Refused) or outcome.retry_until is None:
            return False
        patience = outcome.retry_until - self._wall()
        return self._wall() < entry.rejected_at + patience
