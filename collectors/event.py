"""The event model: StackState's whole event vocabulary as frozen values.

An `Event` is checked when it is made, so nothing behind it has to ask again whether it may be sent.
This module knows the shape of an event and its JSON; it never knows who captured it, where it is
kept, or to whom it goes.
"""

import os
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from collectors._portable import Scalar, escaped, portable

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
_CERTAINLY_SMALL_CHARACTERS = MAX_EVENT_BYTES // 6 - 2048  # JSON escapes a character to at most 6 bytes


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


class Priority(StrEnum):
    """How much attention an event asks for."""

    NORMAL = "normal"
    LOW = "low"


class AlertType(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    SUCCESS = "success"


class Link(msgspec.Struct, frozen=True):
    """A link into the system that an event came from."""

    title: str
    url: str


class Change(msgspec.Struct, frozen=True):
    """One key of a structured file that went from one value to another; None where it was or is absent."""

    key: str
    old: Scalar
    new: Scalar


Value = Scalar | tuple[Change, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What happened once on this host.

    `timestamp` is when it happened, in whole seconds since the epoch. `data` holds scalars; the key
    `changes` alone holds a tuple of `Change`. `element_identifiers` are those besides the host's own,
    and `tags` those besides the agent's: the agent adds both, and `host`, when it keeps the event.
    `source_identifier` is the same at every retry; make it from the OS's own name of the fact where
    there is one (a boot id, an invocation id), else leave it out and a UUIDv7 is made.

    Whatever the host put into its texts can be encoded: bytes that are no UTF-8 are shown escaped (`escaped`),
    a number that other readers cannot hold becomes text (`portable`). No collector has to see to that.

    Raises `EventError` when a receiver would refuse or hide it.
    """

    name: str
    event_type: str
    category: Category
    title: str
    text: str
    timestamp: int
    data: Mapping[str, Value] = {}
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    source: str = SOURCE
    source_identifier: str = ""
    host: str = ""
    priority: Priority | None = None
    alert_type: AlertType | None = None
    aggregation_key: str | None = None

    def __post_init__(self) -> None:
        _escape_texts(self)
        check_name(self.name)
        check_timestamp(self.timestamp)
        for field in ("event_type", "title"):
            if not getattr(self, field):
                raise EventError(f"{field} is empty", "every event says what it is")
        for tag in self.tags:
            check_tag(tag)
        _check_data(self.data)
        if not self.source_identifier:
            msgspec.structs.force_setattr(self, "source_identifier", new_identifier())
        if _size_in_characters(self) > _CERTAINLY_SMALL_CHARACTERS and len(encode(self)) > MAX_EVENT_BYTES:
            raise EventError(
                f"the event is larger than {MAX_EVENT_BYTES} bytes",
                "cut its text or its data, and say so in it",
            )


def _escape_texts(event: Event) -> None:
    """Make everything in an event encodable; almost always there is nothing to do."""
    for field in _TEXTS:
        text = getattr(event, field)
        if text and not text.isascii():
            msgspec.structs.force_setattr(event, field, escaped(text))
    for field in ("tags", "element_identifiers"):
        texts = getattr(event, field)
        if not all(map(str.isascii, texts)):
            msgspec.structs.force_setattr(event, field, tuple(map(escaped, texts)))
    links = tuple(Link(escaped(link.title), escaped(link.url)) for link in event.links)
    msgspec.structs.force_setattr(event, "links", links)
    data = {escaped(key): _portable_value(value) for key, value in event.data.items()}
    msgspec.structs.force_setattr(event, "data", data)


_TEXTS = ("name", "event_type", "title", "text", "source", "source_identifier", "host", "aggregation_key")


def _portable_value(value: Value) -> Value:
    if not isinstance(value, tuple):
        return portable(value)
    return tuple(
        Change(escaped(change.key), portable(change.old), portable(change.new))
        if isinstance(change, Change)
        else change
        for change in value
    )


def check_name(name: str) -> None:
    """Raise `EventError` unless a receiver takes `name` as the key of a list of events."""
    if not name:
        raise EventError("the event's name is empty", "use the kind of source, as `custom`")
    for prefix in FORBIDDEN_NAME_PREFIXES:
        if name.startswith(prefix):
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


def _check_data(data: Mapping[str, Value]) -> None:
    for key, value in data.items():
        if isinstance(value, tuple) and key == "changes":
            if not all(isinstance(change, Change) for change in value):
                raise EventError("data.changes holds something else than changes", "give key, old and new")
        elif value is not None and not isinstance(value, str | int | float):
            raise EventError(
                f"data.{key} is a {type(value).__name__}", "data holds scalars; only `changes` is a list"
            )


def _size_in_characters(event: Event) -> int:
    size = (
        len(event.text)
        + len(event.title)
        + sum(map(len, event.tags))
        + sum(map(len, event.element_identifiers))
    )
    for key, value in event.data.items():
        size += len(key)
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, tuple):
            size += sum(len(str(change)) for change in value)
    return size


def encode(event: Event) -> bytes:
    """Return the event's JSON object as the receiver wants it inside `events[event.name]`."""
    context: dict[str, Any] = {
        "category": event.category,
        "source": event.source,
        "source_identifier": event.source_identifier,
        "element_identifiers": event.element_identifiers,
        "source_links": event.links,
        "data": event.data,
    }
    wire: dict[str, Any] = {
        "context": context,
        "event_type": event.event_type,
        WIRE_KEYS["title"]: event.title,
        WIRE_KEYS["text"]: event.text,
        WIRE_KEYS["source_type"]: event.name,
        "host": event.host,
        "tags": event.tags,
        "timestamp": event.timestamp,
    }
    for key in ("priority", "alert_type", "aggregation_key"):
        value = getattr(event, key)
        if value is not None:
            wire[key] = value
    return _ENCODER.encode(wire)


_ENCODER = msgspec.json.Encoder()


def new_identifier(now: float | None = None) -> str:
    """Return a UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = int((time.time() if now is None else now) * 1000) & 0xFFFF_FFFF_FFFF
    random = int.from_bytes(os.urandom(10))
    high = random >> 68
    low = random & 0x3FFF_FFFF_FFFF_FFFF
    value = milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
