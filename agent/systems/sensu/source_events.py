"""What a source tells of a server's events, and what it has to remember for that. Pure.

Whether something is told is decided here alone: by the id of an event, its status, and whether it flaps.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.systems.sensu.result import EVENT_TYPE, NAME, told_of, word_of
from agent.systems.sensu.source_api import Key, Sighting
from collectors.collector import Scoped
from collectors.event import Category, Event, EventError, check_timestamp

_CUT_CHARACTERS = 16_384
_TOLD_ELSEWHERE = frozenset({"name", "output", "status", "total_state_change"})
_TIMES = ("last_state_change", "executed", "issued")


class Known(msgspec.Struct, frozen=True):
    """What was told last of a check that is not well."""

    id: str
    status: int
    action: str


def known(sighting: Sighting) -> Known:
    """Return what is to be remembered of it."""
    return Known(sighting.id, sighting.status, sighting.action)


def news(before: Known | None, sighting: Sighting, scope: Scoped[Any], now: float) -> Iterator[Event]:
    """Yield what a sighting tells that was not told before; nothing where it is as it was."""
    if before is not None and before.id != sighting.id:
        yield resolved(sighting.key, before, scope, now)
        before = None
    if before is None or known(sighting) != before:
        yield _seen(sighting, scope, now, is_new=before is None)


def resolved(key: Key, before: Known, scope: Scoped[Any], now: float) -> Event:
    """Return that a check is well again: the server has no event of it any more."""
    client, check = key
    data: dict[str, Any] = {
        "client": client,
        "check": check,
        "id": before.id,
        "status": 0,
        "action": "resolve",
    }
    return Event(
        name=NAME,
        event_type=EVENT_TYPE,
        category=Category.ACTIVITIES,
        title=f"{check} on {client} {told_of('resolve', 0)}",
        text=f"It was {word_of(before.status)}.",
        timestamp=int(now),
        data=data | {"old_status": before.status},
        source_identifier=f"sensu:{before.id}:resolve" if before.id else "",
        **_scoped(client, scope),
    )


def _seen(sighting: Sighting, scope: Scoped[Any], now: float, *, is_new: bool) -> Event:
    check = sighting.event["check"]
    output = check.get("output")
    what = told_of(sighting.action, sighting.status)
    fields: dict[str, Any] = {
        "name": NAME,
        "event_type": EVENT_TYPE,
        "category": Category.ALERTS
        if sighting.status or sighting.action == "flapping"
        else Category.ACTIVITIES,
        "title": f"{sighting.check} on {sighting.client} {what}",
        "timestamp": _timestamp(check, sighting.event, now),
        "source_identifier": f"sensu:{sighting.id}:create" if is_new and sighting.id else "",
        **_scoped(sighting.client, scope),
    }
    text = output if isinstance(output, str) else ""
    own = _own_data(sighting)
    try:
        return Event(text=text, data=_as_scalars(check) | own, **fields)
    except EventError:  # too large with everything
        return Event(text=text[:_CUT_CHARACTERS], data=own, **fields)


def _own_data(sighting: Sighting) -> dict[str, Any]:
    change = sighting.event["check"].get("total_state_change")
    occurrences = sighting.event.get("occurrences")
    return {
        "client": sighting.client,
        "check": sighting.check,
        "status": sighting.status,
        "action": sighting.action,
        "occurrences": occurrences if isinstance(occurrences, int) else 1,
        "total_state_change": change if isinstance(change, int | float) else 0,
        "id": sighting.id,
    }


def _as_scalars(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else the check holds; what is no scalar goes as JSON."""
    return {
        key: value if isinstance(value, str | int | float) else msgspec.json.encode(value).decode()
        for key, value in check.items()
        if value is not None and key not in _TOLD_ELSEWHERE
    }


def _scoped(client: str, scope: Scoped[Any]) -> dict[str, Any]:
    identifiers = dict.fromkeys((f"urn:host:/{client}", *scope.element_identifiers))
    return {"source": NAME, "host": client, "tags": scope.tags, "element_identifiers": tuple(identifiers)}


def _timestamp(check: Mapping[str, Any], event: Mapping[str, Any], now: float) -> int:
    """Return when the check came to its status, as far as the server says, in seconds since the epoch."""
    for value in (*(check.get(key) for key in _TIMES), event.get("timestamp")):
        try:
            check_timestamp(value)
        except EventError:
            continue
        if value:
            return int(value)
    return int(now)
