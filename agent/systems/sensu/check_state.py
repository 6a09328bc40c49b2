"""From the results of a check to its state, exactly as a Sensu Core server does it. Pure.

A state keeps the last 21 statuses, the last result, and the event while there is one. It knows nothing of
clients, of time, or of where it is kept. Facts: the server's processing of check results, and the
documentation's three samples, which the tests hold.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

HISTORY_LENGTH = 21
"""Statuses that are kept of a check; with fewer nothing is said of its changes."""

Action = Literal["create", "resolve", "flapping"]


class CheckEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A check that is not well."""

    id: str
    action: Action
    occurrences: int
    timestamp: int
    """When the event was made last, in seconds since the epoch."""


class CheckState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one check of one client."""

    history: tuple[int, ...] = ()
    """The last statuses, oldest first; never more than `HISTORY_LENGTH`."""
    result: dict[str, Any] = {}
    """The last result as it came, `name` included."""
    event: CheckEvent | None = None
    of_event: dict[str, Any] | None = None
    """The result that the event shows, where that is not the last one: it stays as it is when it is not resolved."""
    history_of_event: tuple[int, ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a result comes to: the state after it, and the event that it makes."""

    state: CheckState
    event: CheckEvent | None
    """None when there is nothing to tell; over when its action is `resolve`: then the state has none any more."""
    is_transition: bool
    """Whether other systems hear of it: a check was opened, changed its status, flaps or does not any more, or was resolved."""


def total_state_change(history: Sequence[int]) -> int:
    """Return how often the status changed, later changes counting more, in per cent; 0 with too short a history.

    The weight of the i-th of 20 steps is 0.8 + 0.02 i; what is left of a per cent is cut off, not rounded.
    """
    if len(history) < HISTORY_LENGTH:
        return 0
    hundredths = sum(80 + 2 * step for step in range(1, HISTORY_LENGTH) if history[step] != history[step - 1])
    return hundredths // (HISTORY_LENGTH - 1)


def take(
    state: CheckState, result: Mapping[str, Any], *, now: int, new_id: str, force_resolve: bool = False
) -> Outcome:
    """Return what a checked result comes to; `new_id` names the event when one begins.

    `force_resolve` ends an event that the check itself keeps from being resolved (`auto_resolve: false`).
    """
    status = status_of(result)
    history = (*state.history, status)[-HISTORY_LENGTH:]
    before = state.event
    action = _action(before, result, total_state_change(history))
    if action == "flapping" and force_resolve:
        action = "resolve" if before is not None else None
    after = CheckState(history=history, result=dict(result))
    if action is None:
        return Outcome(state=after, event=None, is_transition=False)
    if action == "resolve" and before is not None and not _resolves(result, force_resolve):
        stays = msgspec.structs.replace(
            after,
            event=before,
            of_event=state.of_event or state.result,
            history_of_event=state.history_of_event or state.history,
        )
        return Outcome(state=stays, event=None, is_transition=False)
    event = CheckEvent(
        id=before.id if before is not None else new_id,
        action=action,
        occurrences=_occurrences(state, status),
        timestamp=now,
    )
    return Outcome(
        state=after if action == "resolve" else msgspec.structs.replace(after, event=event),
        event=event,
        is_transition=_is_transition(state, event, status),
    )


def status_of(result: Mapping[str, Any]) -> int:
    """Return the status of a checked result, where one that is absent means well."""
    status: int = result.get("status", 0)
    return status


def _resolves(result: Mapping[str, Any], force_resolve: bool) -> bool:
    return force_resolve or result.get("auto_resolve") is not False


def _is_transition(state: CheckState, event: CheckEvent, status: int) -> bool:
    """Return whether it is told; while a check flaps, its changes are not: that is what flapping is for."""
    if state.event is None or event.action != state.event.action:
        return True
    return event.action != "flapping" and status != state.history[-1]


def _action(before: CheckEvent | None, result: Mapping[str, Any], change: int) -> Action | None:
    if _is_flapping(before, result, change):
        return "flapping"
    if status_of(result) != 0:
        return "create"
    return "resolve" if before is not None else None


def _is_flapping(before: CheckEvent | None, result: Mapping[str, Any], change: int) -> bool:
    low, high = result.get("low_flap_threshold"), result.get("high_flap_threshold")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    return change > low if before is not None and before.action == "flapping" else change >= high


def _occurrences(state: CheckState, status: int) -> int:
    """Return how often the status came in a row; of a resolved check, how often the one before it had come."""
    before = state.event.occurrences if state.event is not None else 0
    if status == 0:
        return max(before, 1)
    return before + 1 if state.history and state.history[-1] == status else 1
