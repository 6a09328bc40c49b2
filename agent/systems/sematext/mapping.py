"""Sematext's events, translated to the one stored event and back. Pure.

In: type, title (or the older `name`) and message have places of their own; every field but the type, the
message and the title is kept in `data` as it came. Out: an event that came in as Sematext is the same JSON
object again; of any other, what has no place there goes as JSON text into `data`, so nothing is dropped.
Fields: Sematext, "Events API" (type, message, timestamp, title, tags, severity, priority, creator, data, os.host).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from agent.events.stored_event import StoredContext, StoredEvent
from collectors.event import FIRST_MILLISECOND_TIMESTAMP, Category

NAME = "sematext"
"""The event name of what came in as Sematext, and its source."""
HOST = "os.host"

_LEAP_SECOND = re.compile(r"([T ][0-9]{2}:?[0-9]{2}:?)60(?=\D|$)", re.ASCII)
"""Of the times that ISO 8601 has and Python not: the second that is put in before midnight, which the epoch counts with the one after."""
_NO_TIME = "`timestamp` is not ISO 8601, as 2026-11-26T14:03:00+01:00"
_ELSEWHERE = frozenset({"type", "message", "title"})
"""Fields of theirs that have a field of ours."""


class NotAnEvent(ValueError):  # noqa: N818 - what was posted
    """An object that Sematext would not take; says which field and why."""


def to_stored(posted: Mapping[str, Any], path_type: str, now: int) -> StoredEvent:
    """Return the event of one object; `path_type` is the type in the path of older clients, or empty.

    Raises `NotAnEvent`. A field of null is absent.
    """
    fields = {key: value for key, value in posted.items() if value is not None}
    event_type = _text(fields, "type", path_type)
    message = _text(fields, "message")
    timestamp = parse_timestamp(fields["timestamp"]) if "timestamp" in fields else now
    title = fields.get("title", fields.get("name"))
    if title is not None and not isinstance(title, str):
        raise NotAnEvent("`title` is not a text")
    data = {key: value for key, value in fields.items() if key not in _ELSEWHERE}
    if "title" in fields and (not title or title == event_type or "name" in fields):
        data["title"] = title  # else it could not be told from an event without one
    return StoredEvent(
        event_type=event_type,
        title=title or event_type,
        text=message,
        source_type=NAME,
        tags=tuple(_tags(fields["tags"])) if "tags" in fields else None,
        timestamp=timestamp,
        context=StoredContext(category=Category.OTHERS, source=NAME, data=data),
    )


def parse_timestamp(value: object) -> int:
    """Return the seconds since the epoch of ISO 8601; without a zone it is UTC. Raises `NotAnEvent`."""
    if not isinstance(value, str):
        raise NotAnEvent(_NO_TIME)
    text, leap = _LEAP_SECOND.subn(r"\g<1>59", value.strip(), 1)
    try:
        moment = datetime.fromisoformat(text)
        seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) + leap
    except (ValueError, OverflowError):
        raise NotAnEvent(_NO_TIME) from None
    if not 0 <= seconds < FIRST_MILLISECOND_TIMESTAMP:
        raise NotAnEvent("`timestamp` lies before 1970 or after 5138")
    return seconds


def from_stored(event: StoredEvent, name: str, hostname: str, unread: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object that Sematext takes; `name` is the event's name in the spool.

    `unread` are fields that have no place in a `StoredEvent`.
    """
    context = event.context or StoredContext()
    if name == NAME and context.source == NAME:
        return _as_it_came(event, context)
    about = {
        "category": context.category,
        "source": context.source,
        "source_identifier": context.source_identifier,
        "element_identifiers": context.element_identifiers,
        "source_links": context.source_links,
        "name": name,
        "source_type_name": event.source_type,
    }
    said = {key: value for key, value in about.items() if value}
    rest = _united(_united(context.data or {}, unread), said)
    return {
        "type": _first_said(event.event_type, name),
        "title": event.title or "",
        "message": _first_said(event.text, event.title, event.event_type, name),
        "timestamp": _iso(event.timestamp),
        HOST: event.host or hostname,
        "tags": list(event.tags or ()),
        "data": msgspec.json.encode(rest).decode(),
    }


def _united(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, the second ahead; where a key of it is taken by the first, it stands under `event.<key>`."""
    return {f"event.{key}" if key in first else key: value for key, value in second.items()} | dict(first)


def _as_it_came(event: StoredEvent, context: StoredContext) -> dict[str, Any]:
    data = dict(context.data or {})
    body: dict[str, Any] = {"type": event.event_type, "message": event.text}
    if event.title not in {event.event_type, data.get("name")}:
        body["title"] = event.title
    return {"timestamp": _iso(event.timestamp)} | body | data


def _first_said(*texts: str | None) -> str:
    """Return the first that is more than blanks, which the receiver takes for nothing."""
    return next((text for text in texts if text and text.strip()), NAME)


def _iso(seconds: int | None) -> str:
    return datetime.fromtimestamp(seconds or 0, UTC).isoformat()


def _text(fields: Mapping[str, Any], key: str, default: str = "") -> str:
    value = fields.get(key, default)
    if not isinstance(value, str):
        raise NotAnEvent(f"`{key}` is not a text")
    if not value.strip():
        raise NotAnEvent(f"`{key}` is missing or empty")
    return value


def _tags(tags: object) -> list[str]:
    """Return them as `key:value`, which StackState wants; one without a key gets `tag`."""
    texts = [tag for tag in tags if isinstance(tag, str) and tag] if isinstance(tags, list) else []
    return [tag if tag.partition(":")[0] and ":" in tag else f"tag:{tag}" for tag in texts]
