"""What a receiver takes as an event, and its JSON object: the part of the event model that needs no library.

`Event` is checked by this and so is what `event send` posts, which has no time to load more. Pure but for the clock in an identifier.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

MAX_EVENT_BYTES = 200 * 1024
"""One event's JSON, at most: an event becomes one record of the receiver's message log."""

FORBIDDEN_NAME_PREFIXES = (
    "eventType",
    "host",
    "labels",
    "message",
    "name",
    "tags",
    "timeReceived",
    "timestamp",
    "title",
)
"""What an event's name must not start with (StackState, "Push events to StackState over HTTP")."""

SOURCE = "sts-agent"

WIRE_KEYS: Mapping[str, str] = {
    "title": "msg_title",
    "text": "msg_text",
    "source_type": "source_type_name",
}
"""The keys of an event's JSON object that differ from their plain names; the others are as they are called."""

FIRST_MILLISECOND_TIMESTAMP = 100_000_000_000  # seconds of the year 5138; 1973 in milliseconds


class EventError(ValueError):
    """A value that no receiver would take as an event; `hint` says what to do instead."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem} ({hint})")
        self.problem = problem
        self.hint = hint


class Category(StrEnum):
    """The categories that StackState shows; others end up under Others."""

    ACTIVITIES = "Activities"
    ALERTS = "Alerts"
    ANOMALIES = "Anomalies"
    CHANGES = "Changes"
    DEPLOYMENTS = "Deployments"
    OTHERS = "Others"


def check_fields(name: str, event_type: str, title: str, timestamp: object, tags: Iterable[str]) -> None:
    """Raise `EventError` where a receiver would refuse or hide an event because of one of these."""
    check_name(name)
    check_timestamp(timestamp)
    for field, text in (("event_type", event_type), ("title", title)):
        if not text:
            raise EventError(f"{field} is empty", "every event says what it is")
    for tag in tags:
        check_tag(tag)


def check_name(name: str) -> None:
    """Raise `EventError` unless a receiver takes `name` as the key of a list of events."""
    if not name:
        raise EventError("the event's name is empty", "use the kind of source, as `custom`")
    if name.startswith(FORBIDDEN_NAME_PREFIXES):
        prefix = next(prefix for prefix in FORBIDDEN_NAME_PREFIXES if name.startswith(prefix))
        raise EventError(
            f"the event's name {name!r} starts with {prefix!r}", "the receiver forbids that prefix"
        )


def check_timestamp(timestamp: object) -> None:
    """Raise `EventError` unless `timestamp` is a whole number of seconds since the epoch."""
    if isinstance(timestamp, bool) or not isinstance(timestamp, int):
        raise EventError(f"the timestamp {timestamp!r} is not a whole number", "give seconds since the epoch")
    if timestamp < 0:
        raise EventError(f"the timestamp {timestamp} is negative", "give seconds since the epoch")
    if timestamp >= FIRST_MILLISECOND_TIMESTAMP:
        raise EventError(f"the timestamp {timestamp} looks like milliseconds", "give seconds since the epoch")


def check_tag(tag: str) -> None:
    """Raise `EventError` unless `tag` reads `key:value`; the receiver splits at the first colon."""
    key, colon, _ = tag.partition(":")
    if not colon or not key:
        raise EventError(f"the tag {tag!r} is not key:value", "write it as `env:prod`")


def check_scalar(key: str, value: object) -> None:
    """Raise `EventError` unless `value` may stand under a key of an event's data."""
    if value is not None and not isinstance(value, str | int | float):
        kind = "an object" if isinstance(value, dict) else "a list"
        raise EventError(
            f"data.{key} is {kind}", "data holds scalars: texts, numbers, booleans; only `changes` is a list"
        )


def check_size(encoded: bytes) -> None:
    """Raise `EventError` for the JSON of an event that is too large."""
    if len(encoded) > MAX_EVENT_BYTES:
        raise EventError(
            f"the event is larger than {MAX_EVENT_BYTES} bytes", "cut its text or its data, and say so in it"
        )


def json_object(
    *,
    name: str,
    event_type: str,
    category: str,
    title: str,
    text: str,
    timestamp: int,
    data: Mapping[str, Any],
    tags: Sequence[str],
    element_identifiers: Sequence[str],
    links: Sequence[Any],
    source: str,
    source_identifier: str,
    host: str = "",
) -> dict[str, Any]:
    """Return the event's JSON object as the receiver wants it inside `events[name]`; a link is an object of `title` and `url`."""
    return {
        "context": {
            "category": category,
            "source": source,
            "source_identifier": source_identifier,
            "element_identifiers": element_identifiers,
            "source_links": links,
            "data": data,
        },
        "event_type": event_type,
        WIRE_KEYS["title"]: title,
        WIRE_KEYS["text"]: text,
        WIRE_KEYS["source_type"]: name,
        "host": host,
        "tags": tags,
        "timestamp": timestamp,
    }


def new_identifier(now: float | None = None) -> str:
    """Return a UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = int((time.time() if now is None else now) * 1000) & 0xFFFF_FFFF_FFFF
    random = int.from_bytes(os.urandom(10))
    high = random >> 68
    low = random & 0x3FFF_FFFF_FFFF_FFFF
    value = milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
