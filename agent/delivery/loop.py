"""The way of events from the spool to one destination: wait, send what is next, act on what became of it.

One thread a destination, which sleeps without a timeout while nothing waits. This module says when;
what is sent, and what an outcome does to the events, is `work`'s. One destination never waits for another.
"""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import assert_never

from agent.configuration import types
from agent.delivery.backoff import Backoff
from agent.delivery.correction import Clocks
from agent.delivery.rest import Rest
from agent.delivery.signals import Signals
from agent.delivery.state import DestinationState, Phase
from agent.delivery.work import Held, IsMended, Nothing, Went, Work
from agent.destinations.destination import Destination, Entries, Request
from agent.destinations.outcome import Outcome, Paused, RetryLater
from spool import Rejection, Spool, SpoolClosed

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
        settings: types.Destination,
        spool: Spool,
        *,
        hostname: Callable[[], str | None],
        clocks: Clocks,
        on_rejected: Callable[[str, Sequence[Rejection]], None] | None = None,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._destination = destination
        self._settings = settings
        self._spool = spool
        self._monotonic = monotonic
        self._look_seconds = look_seconds
        self._rest = Rest(
            destination.name,
            backoff or Backoff(settings.backoff.initial, settings.backoff.max),
            monotonic=monotonic,
            wall=clocks.wall,
        )
        self._work = Work(
            destination,
            settings,
            spool,
            self._send,
            self._rest.succeeded,
            hostname=hostname,
            clocks=clocks,
            on_rejected=on_rejected,
        )
        self._is_mended: IsMended = destination.probe_key_changed
        self._has_retries = True  # a start looks after them as a poke does
        self._gave_up = False
        self._last_sent = float("-inf")
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
        return self._gave_up or self._signals.seconds_left <= 0 or not self._work.waits

    def _guarded_turn(self) -> None:
        try:
            self._turn()
        except SpoolClosed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end this delivery
            _LOG.exception("%s: delivery failed", self.name)
            self._work.give_up()
            why = RetryLater(f"{type(error).__name__} in the agent; see its log")
            self._hold(Held(why, self._destination.probe_key_changed))

    def _turn(self) -> None:
        """Wait for what comes next and do it: a try that is due, rejected events, a batch."""
        self._signals.wake.clear()
        self._gave_up = False
        ticket = self._signals.flushes()
        if self._signals.take_poke():
            self._has_retries = True
            self._rest.over()
        elif not self._is_due():
            return
        if self._has_retries:
            self._retry_rejected()
        if not self._gave_up:
            self._go_on(ticket)
        if self._gave_up:
            self._signals.answer(ticket, delivered=False)

    def _go_on(self, ticket: int) -> None:
        if self._work.waits:
            self._linger()
            step = self._work.step()
        else:
            step = Nothing()
        match step:
            case Went():
                pass
            case Held():
                self._hold(step)
            case Nothing():
                self._signals.answer(ticket, delivered=True)
                self._rest.enter(Phase.IDLE)
                if not self._signals.is_stopping:
                    self._spool.wait(self.name, None, self._signals.wake)
            case _:
                assert_never(step)

    def _retry_rejected(self) -> None:
        held = self._work.retry_rejected()
        if held is not None:
            self._hold(held)
        self._has_retries = held is not None

    # When

    def _is_due(self) -> bool:
        """Wait a while for the next try; return whether it is now."""
        remaining = self._rest.remaining()
        if not remaining:
            if self._rest.is_waiting:
                self._work.time_is_over()
        elif not self._rest.is_paused:
            if not self._signals.is_urgent:
                return self._slept(remaining)
        elif not self._is_mended():
            if not self._signals.is_urgent:
                return self._slept(min(remaining, self._look_seconds))
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
        if remaining > 0 and not self._work.was_full and not self._signals.is_urgent:
            self._signals.wake.wait(remaining)

    def _hold(self, held: Held) -> None:
        self._gave_up = True
        self._is_mended = held.is_mended
        match held.why:
            case RetryLater(reason, after_seconds):
                self._rest.back_off(reason, after_seconds)
            case Paused(reason):
                self._rest.pause(reason)
            case _:
                assert_never(held.why)
        if self._rest.failures >= FAILURES_OF_AN_OUTAGE:
            self._work.size.ramp()

    # How

    def _send(
        self, hostname: str, entries: Sequence[Entries], events: int, accepted_another: bool
    ) -> Outcome:
        self._rest.enter(Phase.SENDING)
        timeout = max(_LEAST_TIMEOUT_SECONDS, min(self._settings.timeout, self._signals.seconds_left))
        answer = self._destination.send(Request(hostname, entries), timeout)
        self._last_sent = self._monotonic()
        return self._destination.outcome(answer, events=events, accepted_another=accepted_another)
