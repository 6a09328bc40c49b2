"""What one destination is sent next, and what its outcome does to the events: the loop says when.

The one place that acknowledges. It lets go of nothing but what was delivered, filtered out or rejected
for good, and keeps the order: what cannot be delivered holds back what comes after it.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import assert_never

from agent.configuration import types
from agent.delivery.correction import Clocks, correction
from agent.delivery.hunt import Hunt, Progress
from agent.delivery.items import Item, grouped, items, needs_looking, whole
from agent.delivery.search import Search
from agent.delivery.sizing import BatchSize
from agent.destinations.destination import Destination, Entries
from agent.destinations.outcome import Delivered, Outcome, Paused, Rejected, RetryLater, Split
from spool import Batch, RejectedEntry, Rejection, Spool

_LOG = logging.getLogger("agent.delivery")

NO_HOSTNAME = "no acceptable host name is known: set `hostname` in agent.yaml"

IsMended = Callable[[], bool]
"""Whether what a pause waits for is there, so that a try before its time is worth it."""

Send = Callable[[str, Sequence[Entries], int, bool], Outcome]
"""Makes one request of a host's entries, so many events; told whether another event was accepted."""


@dataclass(frozen=True, slots=True)
class Went:
    """Something was settled: go on."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """There was nothing to send."""


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing more can be done now."""

    why: RetryLater | Paused
    is_mended: IsMended


Step = Went | Nothing | Held


class Work:
    """The events of one destination; for its loop's thread alone."""

    def __init__(
        self,
        destination: Destination,
        settings: types.Destination,
        spool: Spool,
        send: Send,
        succeeded: Callable[[], None],
        *,
        hostname: Callable[[], str | None],
        clocks: Clocks,
        on_rejected: Callable[[str, Sequence[Rejection]], None] | None = None,
    ) -> None:
        self._destination = destination
        self._settings = settings
        self._spool = spool
        self._send = send
        self._succeeded = succeeded
        self._hostname = hostname
        self._clocks = clocks
        self._on_rejected = on_rejected
        most = 1 if destination.one_event_a_request else settings.batch.max_events
        self._hunt: Hunt | None = None
        self._looked_early = False
        self.size = BatchSize(most, settings.batch.max_bytes)
        self.was_full = False
        """Whether the last batch held about as much as one may."""

    @property
    def waits(self) -> bool:
        """Return whether there may be something to send."""
        return self._hunt is not None or self._spool.wait(self._destination.name, 0)

    def step(self) -> Step:
        """Send what is next, and settle what can be settled of it."""
        if self._hunt is not None:
            return self._go_on_hunting(self._hunt)
        return self._deliver_next()

    def give_up(self) -> None:
        """Begin anew from the position: nothing that was held in memory is to be relied on."""
        self._hunt = None

    def time_is_over(self) -> None:
        """Take note that a pause lasted its whole time: the next one may be cut short again."""
        self._looked_early = False

    def _deliver_next(self) -> Step:
        name = self._destination.name
        batch = self._spool.read(name, max_events=self.size.events, max_bytes=self.size.bytes)
        if not batch.pieces:
            return Nothing()
        hostname = batch.hostname or self._hostname()
        if not hostname:
            return Held(Paused(NO_HOSTNAME), lambda: bool(self._hostname()))
        decoded = self._decoded(batch, hostname) if needs_looking(batch, self._settings.only) else None
        entries = whole(batch) if decoded is None else grouped(one for one in decoded if one.wanted)
        wanted = batch.events if decoded is None else sum(one.wanted for one in decoded)
        if not wanted:
            self._acknowledge(Progress(batch.upto, delivered=0, filtered=batch.events, rejected=()))
            return Went()
        self.was_full = batch.events * 2 >= self.size.events or batch.bytes * 2 >= self.size.bytes
        result = self._send(hostname, entries, wanted, False)
        match result:
            case Delivered():
                self._acknowledge(Progress(batch.upto, wanted, batch.events - wanted, rejected=()))
                self._has_delivered()
                return Went()
            case Split() | Rejected() | Paused(_, int()):
                if isinstance(result, Split) and result.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                    self.size.too_much(wanted, batch.bytes)
                self._hunt = Hunt(batch, hostname, decoded or self._decoded(batch, hostname))
                return self._tell(self._hunt, result)
            case RetryLater() | Paused():
                if isinstance(result, RetryLater) and result.shrink:
                    self.size.too_much(wanted, batch.bytes)
                return self._held(result)
            case _:
                assert_never(result)

    def _decoded(self, batch: Batch, hostname: str) -> list[Item]:
        correct = correction(hostname, self._clocks) if batch.needs_correction else None
        return items(batch, self._settings.only, correct)

    def _held(self, why: RetryLater | Paused) -> Held:
        return Held(why, self._destination.probe_key_changed)

    # A refused batch

    def _go_on_hunting(self, hunt: Hunt) -> Step:
        parts = hunt.parts()
        result = self._send(hunt.hostname, grouped(parts), len(parts), hunt.search.accepted_another)
        return self._tell(hunt, result)

    def _tell(self, hunt: Hunt, result: Outcome) -> Step:
        """Tell the search what became of its part, and acknowledge what is settled by it."""
        search = hunt.search
        step: Step = Went()
        match result:
            case Delivered():
                search.accepted()
            case Split(reason, status) | Paused(reason, int(status)):
                search.refused(reason, status)
                if search.wants_rest:
                    step = self._doubt(search, reason)
            case Rejected(reason, status):
                search.guilty(reason, status)
            case RetryLater() | Paused():
                if isinstance(result, RetryLater) and result.shrink:
                    search.too_much()
                step = self._held(result)
            case _:
                assert_never(result)
        if progress := hunt.progress():
            self._acknowledge(progress)
        if isinstance(result, Delivered):
            self._has_delivered()
        if search.is_over:
            self._hunt = None
        return step

    def _doubt(self, search: Search, reason: str) -> Held:
        """Pause: it may be the destination that is at fault, and another event accepted would tell."""
        why = Paused(f"{reason}; it may refuse everything, so no event is rejected yet")
        search.rested()
        if search.is_over and not self._looked_early:
            return Held(why, partial(self._has_more_than, len(search.verdicts)))
        return self._held(why)

    def _has_more_than(self, events: int) -> bool:
        """Return whether more wait than were in doubt; a pause is cut short for that only once."""
        name, most = self._destination.name, self._settings.batch.max_bytes
        self._looked_early = self._spool.read(name, max_events=events + 1, max_bytes=most).events > events
        return self._looked_early

    # Rejected events that a person wants sent again

    def retry_rejected(self) -> Held | None:
        """Send them, each by itself; one leaves the list only when it is accepted."""
        while entries := self._spool.retries(self._destination.name):
            for entry in entries:
                if held := self._retry(entry):
                    return held
        return None

    def _retry(self, entry: RejectedEntry) -> Held | None:
        hostname = entry.hostname or self._hostname()
        if not hostname:
            return Held(Paused(NO_HOSTNAME), lambda: bool(self._hostname()))
        result = self._send(hostname, [Entries(entry.name, entry.body)], 1, True)
        match result:
            case Delivered():
                self._spool.retried(entry.id, accepted=True)
                self._has_delivered()
            case Split(reason) | Rejected(reason):
                self._spool.retried(entry.id, accepted=False, reason=reason)
                _LOG.warning(
                    "%s: refused the %s event %d again: %s",
                    self._destination.name,
                    entry.name,
                    entry.id,
                    reason,
                )
            case RetryLater() | Paused():
                return self._held(result)
            case _:
                assert_never(result)
        return None

    def _has_delivered(self) -> None:
        """Take note of a success, only now that it is acknowledged."""
        self.size.succeeded()
        self._succeeded()

    def _acknowledge(self, progress: Progress) -> None:
        name = self._destination.name
        self._spool.acknowledge(
            name,
            progress.upto,
            delivered=progress.delivered,
            filtered=progress.filtered,
            rejected=progress.rejected,
            durable=self._destination.one_event_a_request,
        )
        for one in progress.rejected:
            _LOG.warning(
                "%s: rejected for good: a %s event: %s; see `sts-agent rejected list`",
                name,
                one.name,
                one.reason,
            )
        if progress.rejected and self._on_rejected is not None:
            self._on_rejected(name, progress.rejected)
