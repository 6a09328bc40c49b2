"""What led to a moment, for `log --around` and `report --around`: the ranking that failures carry as `preceded_by`.

A failure shortly before or after the moment says it itself, as it was ranked when it happened. Without one the changes of the day
before are ranked now, for the unit that is asked about, by the same code.
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from agent.cli.history import as_recorded
from agent.cli.wanted import Wanted
from agent.events.preceding import DAY_SECONDS, FAILURES, Facts, Subject, of_stored, ranked
from agent.events.stored_event import StoredEvent
from agent.runtime.unit_facts import read_facts
from spool import SpoolReader


class Led(NamedTuple):
    """What led to a moment, or to the failure nearest to it, the most tied first."""

    to: str
    """The title of the failure; empty where there is none."""
    time: int
    named: list[dict[str, Any]]
    """As `preceded_by` has them."""


def read_led_to(
    reader: SpoolReader,
    moment: float,
    near: tuple[float, float],
    units: tuple[str, ...],
) -> Led:
    """Return what led to a moment, with failures sought between the two of `near`; `units` are those asked about.

    Raises `SpoolError` when the spool cannot be read.
    """
    span = Wanted(min(near[0], moment - DAY_SECONDS), max(near[1], moment + 1))
    return led_to((kept.event for kept in as_recorded(reader, span)), moment, near, units, read_facts)


def led_to(
    events: Iterable[StoredEvent],
    moment: float,
    near: tuple[float, float],
    units: tuple[str, ...],
    read_facts: Callable[[str], Facts],
) -> Led:
    """Return the same of events as they come from the spool."""
    failure: StoredEvent | None = None
    changes = []
    for event in events:
        if change := of_stored(event):
            changes.append(change)
        elif _is_asked_about(event, near, units) and (
            failure is None or _distance(event, moment) <= _distance(failure, moment)
        ):
            failure = event
    unit = units[0] if len(units) == 1 else ""
    if failure is None:
        return Led("", int(moment), ranked(Subject(int(moment), unit), changes, read_facts(unit)))
    named = _data(failure).get("preceded_by")
    return Led(
        failure.title or "",
        failure.timestamp or 0,
        [one for one in named if isinstance(one, dict)] if isinstance(named, list) else [],
    )


def _is_asked_about(event: StoredEvent, near: tuple[float, float], units: tuple[str, ...]) -> bool:
    unit = str(_data(event).get("unit") or "").casefold()
    is_failure = event.event_type in FAILURES and near[0] <= (event.timestamp or 0) < near[1]
    return is_failure and (not units or any(fnmatchcase(unit, pattern.casefold()) for pattern in units))


def _distance(event: StoredEvent, moment: float) -> float:
    return abs((event.timestamp or 0) - moment)


def _data(event: StoredEvent) -> dict[str, Any]:
    return (event.context and event.context.data) or {}
