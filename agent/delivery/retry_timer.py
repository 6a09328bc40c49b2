"""The waits of one destination: backing off after a failure, pausing until an operator has fixed something.

It keeps when the next try is due, says each failure, pause and recovery once in the log, and holds
the state that `status` shows. It never waits by itself.
"""

import logging
import time
from collections.abc import Callable

import msgspec

from agent.delivery.backoff import Backoff
from agent.delivery.state import DestinationState, Phase
from agent.delivery.totals import DeliveryTotals

_LOG = logging.getLogger("agent.delivery")


class RetryTimer:
    """When one destination is tried again, and why not now; `state` may be read by any thread.

    `changed` is called when it begins to fail, fails for another reason, or delivers again.
    """

    def __init__(
        self,
        name: str,
        backoff: Backoff,
        *,
        wall: Callable[[], float] = time.time,
        totals: DeliveryTotals | None = None,
        changed: Callable[[], object] = bool,
    ) -> None:
        self._backoff = backoff
        self._totals = totals or DeliveryTotals()
        self._changed = changed
        self._wall = wall
        self._due: float | None = None
        self._failing_since: float | None = None
        self._failing_since_wall = 0.0
        self._said = ""
        self.state = DestinationState(name, since=wall())

    @property
    def is_paused(self) -> bool:
        """Return whether an operator has to fix something first."""
        return self.state.phase is Phase.PAUSED

    @property
    def failures(self) -> int:
        """Return how many failures there were in a row."""
        return self.state.failures

    def remaining(self) -> float:
        """Return the seconds until the next try is due, 0 when it is now."""
        return 0.0 if self._due is None else max(0.0, self._due - time.monotonic())

    @property
    def is_waiting(self) -> bool:
        """Return whether a wait was begun and neither cut short nor followed by a success."""
        return self._due is not None

    def over(self) -> None:
        """End the wait: the next try is now."""
        self._due = None

    def enter(self, phase: Phase) -> None:
        """Be idle, sending or stopped."""
        if self.state.phase is not phase:
            self.state = msgspec.structs.replace(
                self.state, phase=phase, since=self._wall(), until=None, reason=""
            )

    def succeeded(self) -> None:
        """Take note of a success."""
        now = self._wall()
        if self._failing_since is not None:
            seconds = max(0, round(time.monotonic() - self._failing_since))
            _LOG.info(
                "%s: delivering again after %d s; failed tries: %d", self.state.name, seconds, self.failures
            )
        was_failing, self._failing_since = self._failing_since is not None, None
        self._due = None
        self._said = ""
        self.state = msgspec.structs.replace(self.state, last_success=now, failures=0, needs_operator=False)
        if was_failing:
            self._changed()

    def back_off(self, reason: str, retry_after_seconds: float | None = None) -> None:
        """Wait, longer with each failure in a row."""
        failures = self.failures + 1
        delay = self._backoff.delay(failures, retry_after_seconds)
        if failures == 1:
            _LOG.warning("%s: %s; events are kept and sent later", self.state.name, reason)
        else:
            _LOG.debug("%s: %s; failure %d, next try in %.1f s", self.state.name, reason, failures, delay)
        self._wait(Phase.BACKING_OFF, reason, delay)

    def pause(self, reason: str) -> None:
        """Keep everything and try rarely; said once for each reason until a success."""
        if reason != self._said:
            self._said = reason
            _LOG.error(
                "%s: paused: %s; everything is kept; tried again every %g s, at a reload, and when the key file changes",
                self.state.name,
                reason,
                self._backoff.max_seconds,
            )
        self._wait(Phase.PAUSED, reason, self._backoff.probe_delay())

    def _wait(self, phase: Phase, reason: str, delay: float) -> None:
        now = self._wall()
        self._totals.retries += 1
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            self._failing_since_wall = now
        self._due = time.monotonic() + delay
        is_new = not self.failures or reason != self.state.last_failure_reason
        self.state = msgspec.structs.replace(
            self.state,
            phase=phase,
            since=self._failing_since_wall,
            until=now + delay,
            reason=reason,
            failures=self.failures + 1,
            needs_operator=phase is Phase.PAUSED,
            last_failure=now,
            last_failure_reason=reason,
        )
        if is_new:
            self._changed()
