"""When a destination tells how the host is, and what follows from its answer; see `TellsState`.

State never holds up events: a failure is a line in the log, and after it the events that wait go first.
"""

import logging

from agent.delivery.destination import Destination, TellsState
from agent.delivery.outcome import Delivered
from agent.delivery.sender import Progressed, Sender, Step

_LOG = logging.getLogger("agent.delivery")


class StateReports:
    """The state that one destination tells, if it tells any; for its loop's thread alone."""

    def __init__(self, destination: Destination, sender: Sender) -> None:
        self._name = destination.name
        self._telling = destination if isinstance(destination, TellsState) else None
        self._sender = sender
        self._has_failed = False
        self._said = ""

    @property
    def wait_seconds(self) -> float | None:
        """Return the seconds until it is due, None while it is not."""
        due = None if self._telling is None else self._telling.due_seconds()
        return None if due is None else max(0.0, due)

    @property
    def is_next(self) -> bool:
        """Return whether it is due and goes before the events that wait."""
        return self.wait_seconds == 0 and not (self._has_failed and self._sender.waits)

    def step(self, timeout_seconds: float) -> Step:
        """Tell it once."""
        assert self._telling is not None  # noqa: S101 - it is due only then
        outcome = self._telling.tell_state(timeout_seconds)
        self._has_failed = not isinstance(outcome, Delivered)
        reason = "" if isinstance(outcome, Delivered) else outcome.reason
        if reason and reason != self._said:
            _LOG.warning("%s: the state of this host was not taken: %s; told again later", self._name, reason)
        self._said = reason
        return Progressed()  # neither a success of the events' delivery nor a failure of it
