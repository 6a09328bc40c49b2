"""The way of events from the spool to one destination: read a batch, send it, act on the outcome.

One thread a destination, which sleeps without a timeout while nothing waits. Order wins: what cannot be
delivered holds back what comes after it, and nothing is let go of but what was delivered, filtered out
or rejected for good. One destination never waits for another.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from threading import Thread
from typing import assert_never

from agent.configuration import types
from agent.delivery.backoff import Backoff
from agent.delivery.correction import Clocks, correction
from agent.delivery.hunt import Hunt, Progress
from agent.delivery.items import Item, grouped, items, needs_looking, whole
from agent.delivery.outcome import Delivered, Outcome, Paused, Rejected, RetryLater, Split, outcome
from agent.delivery.rest import Rest
from agent.delivery.search import Search
from agent.delivery.signals import Signals
from agent.delivery.sizing import BatchSize
from agent.delivery.state import DestinationState, Phase
from agent.destinations.destination import Destination, Entries, Request
from spool import Batch, RejectedEntry, Rejection, Spool, SpoolClosed

_LOG = logging.getLogger("agent.delivery")

LOOK_SECONDS = 5.0
"""How often a paused destination looks whether what it waits for is there, as another key file."""

NO_HOSTNAME = "no acceptable host name is known: set `hostname` in agent.yaml"

FAILURES_OF_AN_OUTAGE = 3
"""In a row; after them the backlog is drained gently at first."""


class DeliveryLoop:
    """Delivers to one destination from `start` to `stop`; the other methods may come from any thread."""

    def __init__(
        self,
        destination: Destination,
        settings: types.Destination,
        spool: Spool,
        *,
        hostname: Callable[[], str | None],
        clocks: Clocks,
        on_rejected: Callable[[str, Sequence[Rejection]], None] | None = None,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._destination = destination
        self._settings = settings
        self._spool = spool
        self._hostname = hostname
        self._clocks = clocks
        self._on_rejected = on_rejected
        self._monotonic = monotonic
        self._rest = Rest(
            destination.name,
            backoff or Backoff(settings.backoff.initial, settings.backoff.max),
            monotonic=monotonic,
            wall=clocks.wall,
        )
        most = 1 if destination.one_event_a_request else settings.batch.max_events
        self._size = BatchSize(most, settings.batch.max_bytes)
        self._hunt: Hunt | None = None
        self._last_sent = float("-inf")
        self._was_full = False
        self._gave_up = False
        self._is_mended: Callable[[], bool] = destination.probe_key_changed
        self._looked_early = False
        self._has_retries = True
        self._signals = Signals(spool.interrupt, monotonic)
        self._thread = Thread(target=self._run, name=f"delivery-{destination.name}", daemon=True)

    @property
    def name(self) -> str:
        """Return the destination's name."""
        return self._destination.name

    def start(self) -> None:
        """Begin to deliver what waits."""
        self._thread.start()

    def state(self) -> DestinationState:
        """Return how this destination is doing."""
        return self._rest.state

    def poke(self) -> None:
        """Try now, also when paused: after a reload, or when rejected events are to be tried again."""
        self._signals.poke()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything that waits now was sent once; return whether all of it was delivered."""
        return self._signals.flush(timeout_seconds)

    def stop(self, flush_seconds: float) -> bool:
        """Send what waits for at most so long, then end; return whether the thread has ended."""
        self.begin_stop(flush_seconds)
        return self.join(flush_seconds + 1)

    def begin_stop(self, flush_seconds: float) -> None:
        """Ask for the end, without waiting for it: several destinations stop side by side."""
        self._signals.stop(flush_seconds)
        self._destination.cut_short(flush_seconds)

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the end after `begin_stop`; only the look-up of a name can outlast it."""
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._is_over():
                self._guarded_turn()
        except SpoolClosed:
            _LOG.debug("%s: the spool is closed", self.name)
        finally:
            self._rest.enter(Phase.STOPPED)
            self._signals.answer(self._signals.flushes(), delivered=False)
            self._destination.close()

    def _is_over(self) -> bool:
        if not self._signals.is_stopping:
            return False
        waits = self._hunt is not None or self._spool.wait(self.name, 0)
        return self._gave_up or self._signals.seconds_left <= 0 or not waits

    def _guarded_turn(self) -> None:
        try:
            self._turn()
        except SpoolClosed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end this delivery
            _LOG.exception("%s: delivery failed", self.name)
            self._hunt = None
            self._fail(RetryLater(f"{type(error).__name__} in the agent; see its log"))

    def _turn(self) -> None:
        """Wait for what comes next and do it: a try that is due, rejected events, a batch."""
        self._signals.wake.clear()
        self._gave_up = False
        ticket = self._signals.flushes()
        is_poked = self._signals.take_poke()
        self._has_retries = self._has_retries or is_poked
        if is_poked:
            self._rest.over()
        elif not self._is_due():
            return
        if self._has_retries:
            self._retry_rejected()
        if not self._gave_up:
            self._take_next(ticket)
        if self._gave_up:
            self._signals.answer(ticket, delivered=False)

    def _take_next(self, ticket: int) -> None:
        if self._hunt is not None:
            self._go_on_hunting(self._hunt)
        elif self._spool.wait(self.name, 0):
            self._linger()
            self._deliver_next()
        else:
            self._signals.answer(ticket, delivered=True)
            self._rest.enter(Phase.IDLE)
            if not self._signals.is_stopping:
                self._spool.wait(self.name, None, self._signals.wake)

    # When

    def _is_due(self) -> bool:
        """Wait a while for the next try; return whether it is now."""
        remaining = self._rest.remaining()
        if not remaining:
            self._looked_early = self._looked_early and not self._rest.is_waiting
        elif not self._rest.is_paused:
            if not self._signals.is_urgent:
                return self._slept(remaining)
        elif not self._is_mended():
            if not self._signals.is_urgent:
                return self._slept(min(remaining, LOOK_SECONDS))
            self._gave_up = True
            self._signals.answer(self._signals.flushes(), delivered=False)
            return False
        self._rest.over()
        return True

    def _slept(self, seconds: float) -> bool:
        self._signals.wake.wait(seconds)
        return False  # what woke us is looked at in the next turn

    def _linger(self) -> None:
        """Let a batch fill: the first event after silence goes at once, those after it together."""
        remaining = self._last_sent + self._settings.batch.linger - self._monotonic()
        if remaining > 0 and not self._was_full and not self._signals.is_urgent:
            self._signals.wake.wait(remaining)

    # What

    def _deliver_next(self) -> None:
        batch = self._spool.read(self.name, max_events=self._size.events, max_bytes=self._size.bytes)
        if not batch.pieces:
            return
        hostname = batch.hostname or self._hostname()
        if not hostname:
            self._pause(NO_HOSTNAME, lambda: bool(self._hostname()))
            return
        decoded = self._decoded(batch, hostname) if needs_looking(batch, self._settings.only) else None
        entries = whole(batch) if decoded is None else grouped(one for one in decoded if one.wanted)
        wanted = batch.events if decoded is None else sum(one.wanted for one in decoded)
        if not wanted:
            self._acknowledge(Progress(batch.upto, delivered=0, filtered=batch.events, rejected=()))
            return
        self._was_full = batch.events * 2 >= self._size.events or batch.bytes * 2 >= self._size.bytes
        result = self._send(hostname, entries, wanted, accepted_another=False)
        match result:
            case Delivered():
                self._acknowledge(Progress(batch.upto, wanted, batch.events - wanted, rejected=()))
                self._succeed()
            case Split() | Rejected() | Paused(_, int()):
                self._hunt = Hunt(batch, hostname, decoded or self._decoded(batch, hostname))
                self._tell(self._hunt, result)
            case RetryLater() | Paused():
                self._fail(result, wanted, batch.bytes)
            case _:
                assert_never(result)

    def _decoded(self, batch: Batch, hostname: str) -> list[Item]:
        correct = correction(hostname, self._clocks) if batch.needs_correction else None
        return items(batch, self._settings.only, correct)

    def _go_on_hunting(self, hunt: Hunt) -> None:
        """Send the next part of a refused batch, and acknowledge what is settled of it."""
        parts = hunt.parts()
        search = hunt.search
        result = self._send(
            hunt.hostname, grouped(parts), len(parts), accepted_another=search.accepted_another
        )
        self._tell(hunt, result)

    def _tell(self, hunt: Hunt, result: Outcome) -> None:
        search = hunt.search
        match result:
            case Delivered():
                search.accepted()
                self._succeed()
            case Split(reason, status) | Paused(reason, int(status)):
                if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                    self._size.too_much(len(hunt.parts()), sum(len(part.body) for part in hunt.parts()))
                search.refused(reason, status)
                if search.wants_rest:
                    self._doubt(search, reason)
            case Rejected(reason, status):
                search.guilty(reason, status)
            case RetryLater() | Paused():
                if isinstance(result, RetryLater) and result.shrink:
                    search.too_much()
                self._fail(result)
            case _:
                assert_never(result)
        if progress := hunt.progress():
            self._acknowledge(progress)
        if search.is_over:
            self._hunt = None

    def _doubt(self, search: Search, reason: str) -> None:
        """Pause: it may be the destination that is at fault, and another event accepted would tell."""
        is_mended = self._destination.probe_key_changed
        if search.is_over and not self._looked_early:
            is_mended = partial(self._has_more_than, len(search.verdicts))
        search.rested()
        self._pause(f"{reason}; it may refuse everything, so no event is rejected yet", is_mended)

    def _has_more_than(self, events: int) -> bool:
        """Return whether more wait than were in doubt; a pause is cut short for that only once."""
        batch = self._spool.read(self.name, max_events=events + 1, max_bytes=self._settings.batch.max_bytes)
        self._looked_early = batch.events > events
        return self._looked_early

    def _retry_rejected(self) -> None:
        """Send what a person wants tried again, each by itself; it leaves the list only when accepted."""
        while entries := self._spool.retries(self.name):
            for entry in entries:
                if not self._retry(entry):
                    return
        self._has_retries = False

    def _retry(self, entry: RejectedEntry) -> bool:
        hostname = entry.hostname or self._hostname() or ""
        result = self._send(hostname, [Entries(entry.name, entry.body)], 1, accepted_another=True)
        match result:
            case Delivered():
                self._spool.retried(entry.id, accepted=True)
                self._succeed()
            case Split(reason) | Rejected(reason):
                self._spool.retried(entry.id, accepted=False, reason=reason)
                _LOG.warning("%s: refused the %s event %d again: %s", self.name, entry.name, entry.id, reason)
            case RetryLater() | Paused():
                self._fail(result)
                return False
            case _:
                assert_never(result)
        return True

    # How

    def _send(
        self, hostname: str, entries: Sequence[Entries], events: int, *, accepted_another: bool
    ) -> Outcome:
        self._rest.enter(Phase.SENDING)
        timeout = max(0.1, min(self._settings.timeout, self._signals.seconds_left))
        answer = self._destination.send(Request(hostname, entries), timeout)
        self._last_sent = self._monotonic()
        return outcome(answer, events=events, accepted_another=accepted_another)

    def _acknowledge(self, progress: Progress) -> None:
        self._spool.acknowledge(
            self.name,
            progress.upto,
            delivered=progress.delivered,
            filtered=progress.filtered,
            rejected=progress.rejected,
            durable=self._destination.one_event_a_request,
        )
        for rejection in progress.rejected:
            _LOG.warning(
                "%s: rejected for good: a %s event: %s; see `sts-agent rejected list`",
                self.name,
                rejection.name,
                rejection.reason,
            )
        if progress.rejected and self._on_rejected is not None:
            self._on_rejected(self.name, progress.rejected)

    def _succeed(self) -> None:
        self._size.succeeded()
        self._rest.succeeded()

    def _fail(self, result: RetryLater | Paused, events: int = 0, size_bytes: int = 0) -> None:
        self._gave_up = True
        match result:
            case RetryLater(reason, after_seconds, shrink):
                if shrink:
                    self._size.too_much(events, size_bytes)
                self._rest.back_off(reason, after_seconds)
            case Paused(reason):
                self._is_mended = self._destination.probe_key_changed
                self._rest.pause(reason)
            case _:
                assert_never(result)
        if self._rest.failures >= FAILURES_OF_AN_OUTAGE:
            self._size.ramp()

    def _pause(self, reason: str, is_mended: Callable[[], bool]) -> None:
        self._fail(Paused(reason))
        self._is_mended = is_mended
