"""The event model: StackState's whole event vocabulary as frozen values.

An `Event` is checked when it is made, so nothing behind it has to ask again whether it may be sent.
This module knows the shape of an event and its JSON; it never knows who captured it, where it is
kept, or to whom it goes.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from collectors._event.shape import (
    FIRST_MILLISECOND_TIMESTAMP,
    FORBIDDEN_NAME_PREFIXES,
    MAX_EVENT_BYTES,
    SOURCE,
    WIRE_KEYS,
    Category,
    EventError,
    check_fields,
    check_name,
    check_scalar,
    check_size,
    check_tag,
    check_timestamp,
    json_object,
    new_identifier,
)
from collectors._portable import Scalar, escaped, portable

__all__ = [
    "FIRST_MILLISECOND_TIMESTAMP",
    "FORBIDDEN_NAME_PREFIXES",
    "MAX_EVENT_BYTES",
    "SOURCE",
    "WIRE_KEYS",
    "AlertType",
    "Category",
    "Change",
    "Event",
    "EventError",
    "Link",
    "Priority",
    "Value",
    "check_name",
    "check_tag",
    "check_timestamp",
    "encode",
    "new_identifier",
]

_CERTAINLY_SMALL_CHARACTERS = MAX_EVENT_BYTES // 6 - 2048  # JSON escapes a character to at most 6 bytes


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
        check_fields(self.name, self.event_type, self.title, self.timestamp, self.tags)
        _check_data(self.data)
        if not self.source_identifier:
            msgspec.structs.force_setattr(self, "source_identifier", new_identifier())
        if _size_in_characters(self) > _CERTAINLY_SMALL_CHARACTERS:
            check_size(encode(self))


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


def _check_data(data: Mapping[str, Value]) -> None:
    for key, value in data.items():
        if not (isinstance(value, tuple) and key == "changes"):
            check_scalar(key, value)
        elif not all(isinstance(change, Change) for change in value):
            raise EventError("data.changes holds something else than changes", "give key, old and new")


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
    whole = json_object(
        name=event.name,
        event_type=event.event_type,
        category=event.category,
        title=event.title,
        text=event.text,
        timestamp=event.timestamp,
        data=event.data,
        tags=event.tags,
        element_identifiers=event.element_identifiers,
        links=event.links,
        source=event.source,
        source_identifier=event.source_identifier,
        host=event.host,
    )
    for key in ("priority", "alert_type", "aggregation_key"):
        value = getattr(event, key)
        if value is not None:
            whole[key] = value
    return _ENCODER.encode(whole)


_ENCODER = msgspec.json.Encoder()
