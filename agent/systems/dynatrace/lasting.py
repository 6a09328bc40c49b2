"""Problems that stay open only while they are refreshed: which were sent to one environment, and when each goes again.

A problem of a service is remembered before it is sent, so that it is refreshed after a restart as well, until the service is
well again. That a watched process ended is told as an information; the problem of it is opened here, when nothing of it has come
back after a while. The refresh is the same message; only when its start has become too old for the API it goes
without one, which means now. This module sends nothing, and no event depends on it.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.events.host_state import HostState
from agent.events.stored_event import StoredEvent
from agent.systems.dynatrace.lateness import is_late_problem
from agent.systems.dynatrace.rules import Version, opens_problem
from collectors.collector import Memory, Remember, RunState, recall
from collectors.event import Category

log = logging.getLogger(__name__)

_SHARE, _SHARE_AFTER_FAILURE, _SHARE_AFTER_START = 1 / 2, 1 / 5, 1 / 10
"""Of the timeout, until the next refresh: also with a failure or a restart in between it comes in time."""

_RESTART_SECONDS = 10.0
"""So long nothing of a process may run before that is a problem, at most a fifth of the timeout: it may be restarted."""

_SERVICE, _PROCESS = "service", "process"
_PROCESS_ENDED = "ProcessStoppedEvent"
_NOT_WELL = {RunState.FAILED, RunState.FLAPPING}


def failing(state: HostState) -> set[str]:
    """Return the services that are not well, and the kinds of process of which none runs."""
    services = {one.name for one in state.services if one.state in _NOT_WELL}
    return services | {_process(one.name) for one in state.processes if one.state is not RunState.UP}


def as_problem(event: StoredEvent, name: str) -> StoredEvent | None:
    """Return the end of a process as an alert, which it is while none of its kind comes back; None for other events."""
    if name != _PROCESS or event.event_type != _PROCESS_ENDED or event.context is None:
        return None
    context = msgspec.structs.replace(event.context, category=Category.ALERTS)
    return msgspec.structs.replace(event, context=context)


class Problem(msgspec.Struct, frozen=True):
    """A message that opened a problem, and the version of the API that it is of."""

    api: str
    message: dict[str, Any]


@dataclass(slots=True)
class _Open:
    """A problem that is not over, and when it is told again."""

    problem: Problem
    due: float


class LastingProblems:
    """The problems of one environment that may last; for one thread.

    `failing` returns the units that are not well now, `remember` keeps on disk.
    """

    def __init__(
        self,
        version: Version,
        timeout_seconds: float,
        *,
        memory: Memory,
        remember: Callable[[Remember], object],
        failing: Callable[[], Collection[str]],
        clock: Callable[[], float],
    ) -> None:
        self._version = version
        self._timeout_seconds = timeout_seconds
        self._remember = remember
        self._failing = failing
        self._clock = clock
        due = clock() + timeout_seconds * _SHARE_AFTER_START
        found = ((unit, recall(value, Problem)) for unit, value in memory.items())
        self._open = {
            unit: _Open(problem, due) for unit, problem in found if problem and problem.api == version.name
        }

    def due_seconds(self) -> float | None:
        """Return the seconds until a refresh is due, None while nothing lasts."""
        due = min((one.due for one in self._open.values()), default=None)
        return None if due is None else max(0.0, due - self._clock())

    def note(self, event: StoredEvent, name: str, message: Mapping[str, Any], *, is_late: bool) -> None:
        """Take note of what is about to be sent; a problem that is too late to be one is due at once.

        Of a process that ended `message` is the problem that it may become.
        """
        unit = _subject(event, name)
        if unit is None or not opens_problem(message, self._version):
            return
        problem = Problem(self._version.name, dict(message))
        known = self._open.get(unit)
        if known is None or known.problem != problem:
            self._keep({unit: msgspec.json.encode(problem)})
        self._open[unit] = _Open(problem, self._clock() + self._until_due(name, is_late=is_late))

    def next(self, now_ms: int) -> tuple[str, dict[str, Any]] | None:
        """Return a problem that is due and lasts, with its unit; those that do not last any more are forgotten."""
        failing = self._failing()
        for unit in [unit for unit in self._open if unit not in failing]:
            self.forget(unit)
        for unit, one in self._open.items():
            if one.due <= self._clock():
                return unit, self._renewed(one.problem.message, now_ms)
        return None

    def refreshed(self, unit: str, *, has_arrived: bool) -> None:
        """Take note of what became of a refresh."""
        if unit in self._open:
            self._open[unit].due = self._clock() + self._after(
                _SHARE if has_arrived else _SHARE_AFTER_FAILURE
            )

    def forget(self, unit: str) -> None:
        """Refresh it no more: it is well again, or the other side wants no refresh of it."""
        if self._open.pop(unit, None) is not None:
            self._keep({unit: None})

    def _until_due(self, name: str, *, is_late: bool) -> float:
        if name == _PROCESS:
            return min(_RESTART_SECONDS, self._after(_SHARE_AFTER_FAILURE))
        return 0.0 if is_late else self._after(_SHARE)

    def _after(self, share: float) -> float:
        return self._timeout_seconds * share

    def _renewed(self, message: dict[str, Any], now_ms: int) -> dict[str, Any]:
        if not is_late_problem(message, self._version, now_ms):
            return message
        return {key: value for key, value in message.items() if key != self._version.start}

    def _keep(self, remember: Remember) -> None:
        try:
            self._remember(remember)
        except Exception as error:  # noqa: BLE001 - a refresh less after a restart is no reason to send nothing
            log.warning("cannot remember which problems last: %s", error)


def _subject(event: StoredEvent, name: str) -> str | None:
    """Return the service, or the kind of process, that an event of the agent's own is about."""
    data = (event.context and event.context.data) or {}
    subject = data.get({_SERVICE: "unit", _PROCESS: "name"}.get(name, ""))
    if not isinstance(subject, str):
        return None
    return _process(subject) if name == _PROCESS else subject


def _process(name: str) -> str:
    """Return what a kind of process is remembered under, which no unit is called."""
    return f"{_PROCESS}/{name}"
