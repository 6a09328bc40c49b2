"""The way of events from the spool to one destination: wait, send what is next, act on what became of it.

One thread a destination, which sleeps without a timeout while nothing waits. This module says when;
what is sent, and what an outcome does to the events, is `sender`'s. One destination never waits for another.
"""

import logging
import time
from collections.abc import Callable
from threading import Thread
from typing import assert_never

from agent.configuration.types import BatchedSettings, DestinationSettings
from agent.delivery.backoff import Backoff
from agent.delivery.control import LoopControl
from agent.delivery.correction import Clocks
from agent.delivery.destination import Destination
from agent.delivery.outcome import Paused, RetryLater
from agent.delivery.retries import Retries
from agent.delivery.retry_timer import RetryTimer
from agent.delivery.sender import Blocked, Idle, Progressed, Sender, Step, Unblocked
from agent.delivery.state import DestinationState, Phase
from agent.delivery.state_reports import StateReports
from agent.delivery.totals import DeliveryTotals
from spool import Spool, SpoolClosed

_LOG = logging.getLogger("agent.delivery")

LOOK_SECONDS = 5.0
"""How often a paused destination looks whether what it waits for is there, as another key file."""

FAILURES_OF_AN_OUTAGE = 3
"""In a row; after them the backlog is drained gently at first."""

_LEAST_TIMEOUT_SECONDS = 0.1


class DeliveryLoop:
    """Delivers to one destination from `start` to `stop`; the other methods may come from any thread."""

    def __init__(
        self,
        destination: Destination,
        settings: DestinationSettings,
        spool: Spool,
        *,
        hostname: Callable[[], str | None],
        clocks: Clocks,
        look_seconds: float = LOOK_SECONDS,
        totals: DeliveryTotals | None = None,
        changed: Callable[[], object] = bool,
    ) -> None:
        self._destination = destination
        self._timeout_seconds = settings.timeout
        self._linger_seconds = settings.batch.linger if isinstance(settings, BatchedSettings) else 0.0
        self._spool = spool
        self._look_seconds = look_seconds
        backoff = Backoff(settings.backoff.initial, settings.backoff.max)
        totals = totals or DeliveryTotals()
        self._timer = RetryTimer(destination.name, backoff, wall=clocks.wall, totals=totals, changed=changed)
        self._sender = Sender(destination, settings, spool, hostname=hostname, clocks=clocks, totals=totals)
        self._retries = Retries(
            destination, spool, self._sender, backoff, hostname=hostname, wall=clocks.wall
        )
        self._state_reports = StateReports(destination, self._sender)
        self._unblocked: Unblocked = destination.credential_changed
        self._gave_up = False
        self._last_sent = float("-inf")
        self._control = LoopControl(spool.records.interrupt)
        self._thread = Thread(target=self._run, name=f"delivery-{destination.name}", daemon=True)

    @property
    def name(self) -> str:
        """Return the destination's name."""
        return self._destination.name

    def start(self) -> None:
        """Begin to deliver what waits; raises RuntimeError where no thread is to be had, and is over then."""
        try:
            self._thread.start()
        except RuntimeError:
            self._destination.close()
            raise

    def state(self) -> DestinationState:
        """Return how this destination is doing."""
        return self._timer.state

    def poke(self) -> None:
        """Try now, also when paused: after a reload, or when rejected events are to be tried again."""
        self._control.poke()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything that waits now was sent once; return whether all of it was delivered."""
        return self._control.flush(timeout_seconds)

    def stop(self, flush_seconds: float) -> bool:
        """Send what waits for at most so long, then end; return whether the thread has ended."""
        self.begin_stop(flush_seconds)
        return self.join(flush_seconds + 1)

    def begin_stop(self, flush_seconds: float, answer_seconds: float = 0.0) -> None:
        """Ask for the end, without waiting for it: several destinations stop side by side.

        What is under way has at least `answer_seconds` more, since what is cut off is sent again.
        """
        self._control.stop(flush_seconds)
        self._destination.cut_short(max(flush_seconds, answer_seconds))

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
            self._timer.enter(Phase.STOPPED)
            self._control.answer(self._control.flushes(), delivered=False)
            self._destination.close()

    def _is_over(self) -> bool:
        if not self._control.is_stopping:
            return False
        return self._gave_up or self._control.seconds_left <= 0 or not self._sender.waits

    def _guarded_turn(self) -> None:
        try:
            self._turn()
        except SpoolClosed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end this delivery
            _LOG.exception("%s: delivery failed", self.name)
            self._sender.give_up()
            self._hold(self._sender.blocked(RetryLater(f"{type(error).__name__} in the agent; see its log")))

    def _turn(self) -> None:
        """Wait for what comes next and do it: a try that is due, a rejected event, a batch."""
        self._control.wake.clear()
        self._gave_up = False
        ticket = self._control.flushes()
        if self._control.take_poke():
            self._retries.ask()
            self._timer.over()
        elif not self._is_due():
            return
        if self._state_reports.is_next and not self._control.is_urgent:
            self._do(self._state_reports.step)
        elif self._retries.wait_seconds == 0:
            self._do(self._retries.step)
        elif self._sender.waits:
            self._linger()
            self._do(self._sender.step)
        else:
            self._rest(ticket)
        if self._gave_up:
            self._control.answer(ticket, delivered=False)

    def _do(self, step: Callable[[float], Step]) -> None:
        """Make a request, and act on what became of it."""
        self._timer.enter(Phase.SENDING)
        done = step(max(_LEAST_TIMEOUT_SECONDS, min(self._timeout_seconds, self._control.seconds_left)))
        match done:
            case Progressed():
                if done.asked:
                    self._last_sent = time.monotonic()
                if done.delivered:
                    self._timer.succeeded()
            case Blocked():
                self._last_sent = time.monotonic()
                self._hold(done)
            case Idle():
                pass
            case _:
                assert_never(done)
        if self._sender.has_deferred:
            self._sender.has_deferred = False
            self._retries.deferred()

    def _rest(self, ticket: int) -> None:
        """Sleep until something comes, or a deferred event or the host's state is due."""
        self._control.answer(ticket, delivered=True)
        self._timer.enter(Phase.IDLE)
        if not self._control.is_stopping:
            waits = (self._retries.wait_seconds, self._state_reports.wait_seconds)
            soonest = min((wait for wait in waits if wait is not None), default=None)
            self._spool.records.wait(self.name, soonest, self._control.wake)

    # When

    def _is_due(self) -> bool:
        """Wait a while for the next try; return whether it is now."""
        remaining = self._timer.remaining()
        if not remaining:
            if self._timer.is_waiting:
                self._sender.time_is_over()
        elif not self._timer.is_paused:
            if not self._control.is_urgent:
                return self._slept(remaining)
        elif not self._unblocked():
            if not self._control.is_urgent:
                return self._slept(min(remaining, self._look_seconds))
            self._gave_up = True
            self._control.answer(self._control.flushes(), delivered=False)
            return False
        self._timer.over()
        return True

    def _slept(self, seconds: float) -> bool:
        self._control.wake.wait(seconds)
        return False  # what woke us is looked at in the next turn

    def _linger(self) -> None:
        """Let a batch fill: the first event after silence goes at once, those after it together."""
        remaining = self._last_sent + self._linger_seconds - time.monotonic()
        if (
            remaining > 0
            and not (self._sender.was_full or self._sender.is_amid)
            and not self._control.is_urgent
        ):
            self._control.wake.wait(remaining)

    def _hold(self, blocked: Blocked) -> None:
        self._gave_up = True
        self._unblocked = blocked.unblocked
        match blocked.why:
            case RetryLater(reason, after_seconds):
                self._timer.back_off(reason, after_seconds)
            case Paused(reason):
                self._timer.pause(reason)
            case _:
                assert_never(blocked.why)
        if self._timer.failures >= FAILURES_OF_AN_OUTAGE:
            self._sender.size.ramp()
