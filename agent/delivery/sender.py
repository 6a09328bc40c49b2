"""What one destination is sent next, and what its outcome does to the events: the loop says when.

The one place that acknowledges. It lets go of nothing but what was delivered, filtered out, or set aside as
rejected or deferred, and keeps the order: what cannot be delivered holds back what comes after it.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import assert_never

import msgspec

from agent.configuration.types import BatchedSettings, DestinationSettings
from agent.delivery.batch_size import BatchSize
from agent.delivery.content import Content
from agent.delivery.correction import Clocks, correction
from agent.delivery.destination import Destination
from agent.delivery.filter import Filter
from agent.delivery.in_flight import InFlightBatch, Progress
from agent.delivery.outcome import NO_HOSTNAME, Delivered, Outcome, Paused, Refused, RetryLater, TooLarge
from agent.delivery.totals import DeliveryTotals
from spool import Batch, Spool

_LOG = logging.getLogger("agent.delivery")

READ_EVENTS = 64
"""At least so many are read at once, as a chunk holds: with one event a request it is inflated once, not 64 times."""

READ_BYTES = 900 * 1024
"""Of JSON, for a destination whose requests are not bounded by bytes."""

MOST_JOINED, MOST_JOINED_BYTES = 1024, 4 * READ_BYTES
"""Of what joins a batch in doubt: all that is held in memory while a destination refuses everything."""

Unblocked = Callable[[], bool]
"""Whether what a pause waits for is there, so that a try before its time is worth it."""


class Progressed(msgspec.Struct, frozen=True):
    """Something was settled: go on."""

    delivered: bool = False
    """Whether the destination took something."""
    asked: bool = True
    """Whether it was asked at all; not when everything was filtered out."""


class Idle(msgspec.Struct, frozen=True):
    """There was nothing to send."""


class Blocked(msgspec.Struct, frozen=True):
    """Nothing more can be done now."""

    why: RetryLater | Paused
    unblocked: Unblocked


Step = Progressed | Idle | Blocked


class Sender:
    """Sends the events of one destination, a request a step; for its loop's thread alone."""

    def __init__(
        self,
        destination: Destination,
        settings: DestinationSettings,
        spool: Spool,
        *,
        hostname: Callable[[], str | None],
        clocks: Clocks,
        totals: DeliveryTotals,
    ) -> None:
        self._destination = destination
        self._name = destination.name
        self._spool = spool
        self._hostname = hostname
        self._clocks = clocks
        self._totals = totals
        self._passing = Filter(settings.only, settings.never)
        self._max_bytes = settings.batch.max_bytes if isinstance(settings, BatchedSettings) else READ_BYTES
        self._in_flight: InFlightBatch | None = None
        self._looked_early = False
        self.size = BatchSize(destination.max_events, self._max_bytes)
        self.was_full = False
        """Whether the last batch held about as much as one may, or ended where another host or kind begins: what is next waits for nothing."""
        self.has_deferred = False
        """Whether an event was set aside to be tried again by itself; who acts on it resets it."""

    @property
    def is_amid(self) -> bool:
        """Return whether a batch was begun and not settled yet."""
        return self._in_flight is not None

    @property
    def waits(self) -> bool:
        """Return whether there may be something to send."""
        return self._in_flight is not None or self._spool.records.wait(self._name, 0)

    def step(self, timeout_seconds: float) -> Step:
        """Make the next request, and settle what can be settled by it."""
        batch = self._in_flight
        if batch is None:
            found = self._read()
            if not isinstance(found, InFlightBatch):
                return found
            self._in_flight = batch = found
        if not batch.count:
            self._acknowledge(batch)
            return Progressed(asked=False)
        return self._settle(batch, self._destination.deliver(batch.outgoing(), timeout_seconds))

    def give_up(self) -> None:
        """Begin anew from the position: nothing that was held in memory is to be relied on."""
        self._in_flight = None

    def time_is_over(self) -> None:
        """Take note that a pause lasted its whole time: the next one may be cut short again."""
        self._looked_early = False

    def blocked(self, why: RetryLater | Paused) -> Blocked:
        """Return that nothing more can be done, but by another credential."""
        return Blocked(why, self._destination.credential_changed)

    def without_hostname(self) -> Blocked:
        """Return that nothing can be sent before this host has a name."""
        return Blocked(Paused(NO_HOSTNAME), lambda: bool(self._hostname()))

    def _read(self) -> InFlightBatch | Idle | Blocked:
        """Read the next batch; with few events a request, more of them than one request takes."""
        most = self.size.events
        at_once = most if self._destination.max_events >= READ_EVENTS else READ_EVENTS
        batch = self._spool.records.read(self._name, max_events=at_once, max_bytes=self.size.bytes)
        if not batch.pieces:
            return Idle()
        hostname = batch.hostname or self._hostname()
        if not hostname:
            return self.without_hostname()
        self.was_full = batch.is_full or batch.events * 2 >= most or batch.bytes * 2 >= self.size.bytes
        return InFlightBatch(self._content(batch, hostname), most)

    def _content(self, batch: Batch, hostname: str) -> Content:
        correct = correction(hostname, self._clocks) if batch.needs_correction else None
        return Content(batch, hostname, self._passing, correct)

    def _look_behind(self, batch: InFlightBatch) -> None:
        """Have a batch that is in doubt joined by what lies behind it: one that is accepted there tells.

        What stands alone in its batch, as the only one of its kind or host, would wait for ever else.
        """
        while batch.is_in_doubt and batch.joined < MOST_JOINED and batch.bytes < MOST_JOINED_BYTES:
            behind = self._behind(batch, READ_EVENTS)
            hostname = behind.hostname or self._hostname()
            if not behind.pieces or not hostname:
                return
            batch.join(self._content(behind, hostname))

    def _behind(self, batch: InFlightBatch, max_events: int) -> Batch:
        return self._spool.records.read_behind(
            self._name, batch.upto, max_events=max_events, max_bytes=self.size.bytes
        )

    def _settle(self, batch: InFlightBatch, outcome: Outcome) -> Step:
        """Tell the batch what became of the request, and acknowledge what is settled by it."""
        step: Step = Progressed()
        match outcome:
            case Delivered(upto=0):
                step = self.blocked(RetryLater("nothing of the request was taken"))
            case Delivered():
                batch.delivered(outcome)
                step = Progressed(delivered=True)
            case Refused() | TooLarge():
                if isinstance(outcome, TooLarge) and batch.is_untouched:
                    self.size.too_much(batch.count, batch.bytes)
                batch.refused(outcome)
                self._look_behind(batch)
                if batch.wants_pause:
                    step = self._doubt(batch, outcome.reason)
            case RetryLater() | Paused():
                step = self._hold(batch, outcome)
            case _:
                assert_never(outcome)
        self._acknowledge(batch)
        if isinstance(outcome, Delivered):
            self.size.succeeded()
        return step

    def _hold(self, batch: InFlightBatch, why: RetryLater | Paused) -> Blocked:
        if isinstance(why, RetryLater) and why.shrink:
            if batch.is_untouched:
                self.size.too_much(batch.count, batch.bytes)
            else:
                batch.too_much()
        if batch.is_untouched:
            self._in_flight = None  # what comes meanwhile goes with it, and at the size that was learnt
        return self.blocked(why)

    def _doubt(self, batch: InFlightBatch, reason: str) -> Blocked:
        """Pause: it may be the destination that is at fault, and another event accepted would tell."""
        why = Paused(f"{reason}; it may refuse everything, so no event is rejected yet")
        waits_for_others = batch.is_in_doubt
        batch.paused()
        if waits_for_others and not self._looked_early:
            return Blocked(why, partial(self._has_more_behind, batch))
        return self.blocked(why)

    def _has_more_behind(self, batch: InFlightBatch) -> bool:
        """Return whether more wait than were in doubt; a pause is cut short for that only once."""
        self._looked_early = bool(self._behind(batch, 1).pieces)
        return self._looked_early

    def _acknowledge(self, batch: InFlightBatch) -> None:
        while progress := batch.progress():
            self._spool.records.acknowledge(
                self._name,
                progress.upto,
                delivered=progress.delivered,
                filtered=progress.filtered,
                rejected=progress.rejected,
                durable=self._destination.max_events == 1,
            )
            self._totals.delivered(progress.captured, self._clocks.wall())
            self._say(progress)
        if batch.is_over:
            self._in_flight = None

    def _say(self, progress: Progress) -> None:
        for one in progress.rejected:
            if one.retrying:
                self.has_deferred = True
                _LOG.warning("%s: refused for now: a %s event: %s", self._name, one.name, one.reason)
            else:
                _LOG.warning(
                    "%s: rejected for good: a %s event: %s; see `sts-agent rejected list`",
                    self._name,
                    one.name,
                    one.reason,
                )
