"""This host's own state as check results: a failed unit and a stopped watched process are checks that are not well.

Reads events as they are captured, and makes nothing of those that say nothing of the state of something. Pure.
"""

from collections.abc import Sequence
from typing import Any

from agent.systems.sensu.result import Result, as_name
from collectors.event import Event

_STATUS = {
    "ServiceFailedEvent": 2,
    "ServiceFlappingEvent": 1,
    "ServiceStartedEvent": 0,
    "ServiceStoppedEvent": 0,
    "ProcessStoppedEvent": 2,
    "ProcessStartedEvent": 0,
}
"""What an event means for its unit or process; a unit that somebody stopped is not failed."""
_NAMED = ("service", "process")
CREATED = "create_time"
"""Of a process, in milliseconds since the epoch: tells which of two of one name came later."""


def own_results(events: Sequence[Event]) -> list[Result]:
    """Return what the events say of units and processes of this host, in order, as results without `source`."""
    return [
        result
        for event in events
        if event.name in _NAMED and event.event_type in _STATUS and (result := _result(event)) is not None
    ]


def is_outdated(result: Result, last: Result) -> bool:
    """Return whether it tells the end of a process after which another of its name was started already."""
    created, newer = result.get(CREATED), last.get(CREATED)
    if not isinstance(created, int) or not isinstance(newer, int):
        return False
    return bool(result["status"]) and created < newer and not last.get("status")


def _result(event: Event) -> Result | None:
    is_unit = event.name == "service"
    subject = event.data.get("unit" if is_unit else "name")
    if not isinstance(subject, str) or not subject:
        return None
    result: dict[str, Any] = {
        "name": as_name(subject) if is_unit else f"process-{as_name(subject)}",
        "output": "\n".join(filter(None, (event.title, event.text))),
        "status": _STATUS[event.event_type],
        "executed": event.timestamp,
        "unit" if is_unit else "process": subject,
    }
    if isinstance(created := event.data.get(CREATED), int):
        result[CREATED] = created
    return result
