"""Posted events of the shape that the documentation shows, as nearly all are: read at once, filled without reading again.

The types of this shape are narrow: no field that is unknown, null or empty where it must say something, data without
nesting, whole numbers of 64 bits. So what fits them holds nothing that some reader of JSON refuses, but for what is
wrong within a text (`may_be_read`), and where a field is missing is known. What does not fit is
no error: it goes the longer way (`agent.events.completion`), which gives the same event.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from agent.events.chunk import Captured
from agent.events.completion import check_tags
from agent.events.identity import HOST_IDENTIFIER, Identity
from collectors.event import (
    MAX_EVENT_BYTES,
    SOURCE,
    WIRE_KEYS,
    Category,
    EventError,
    check_timestamp,
    new_identifier,
)

Filled = Annotated[str, Meta(min_length=1)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Scalar = str | Whole | float | bool | None


class _UsualLink(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    title: str
    url: str


class _UsualContext(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    category: Filled | UnsetType = UNSET
    source: Filled | UnsetType = UNSET
    source_identifier: Filled | UnsetType = UNSET
    element_identifiers: Annotated[tuple[str, ...], Meta(min_length=1)] | UnsetType = UNSET
    source_links: tuple[_UsualLink, ...] | UnsetType = UNSET
    data: dict[str, Scalar] | UnsetType = UNSET


class UsualEvent(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename=WIRE_KEYS):
    """An event of this shape; what it lacks is unset."""

    title: Filled
    event_type: Filled | UnsetType = UNSET
    text: str | UnsetType = UNSET
    source_type: Filled | UnsetType = UNSET
    host: Filled | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    timestamp: Whole | UnsetType = UNSET
    context: _UsualContext | UnsetType = UNSET
    priority: str | None = None
    alert_type: str | None = None
    aggregation_key: str | None = None


def may_be_read(body: bytes) -> bool:
    """Return whether the texts of a body are for every reader: UTF-8, and no escape that may be half a pair."""
    if b"\\u" in body:
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def fill(
    name: str,
    bodies: Sequence[msgspec.Raw],
    events: Sequence[UsualEvent],
    identity: Identity,
    now: Callable[[], float],
) -> list[Captured] | None:
    """Return events as `completion.complete` would, field for field; None where one of them needs its longer way."""
    tags = identity.tags
    usual = _Missing(name, identity, int(now()))
    captured = []
    for body, event in zip(bodies, events, strict=True):
        inside, tail = usual.of_context(event), usual.of_event(event)
        filled = _spliced(bytes(body), inside, tail) if inside or tail else body
        if not filled or len(filled) > MAX_EVENT_BYTES:
            return None
        captured.append(
            Captured(
                name,
                filled,
                usual.timestamp if event.timestamp is UNSET else event.timestamp,
                name if event.event_type is UNSET else event.event_type,
                tags if event.tags is UNSET else event.tags,
            )
        )
    return captured if _are_right(captured) else None


def _are_right(captured: Sequence[Captured]) -> bool:
    try:
        for tags in {event.tags for event in captured}:
            check_tags(tags)
        times = [event.timestamp for event in captured]
        check_timestamp(min(times, default=0))
        check_timestamp(max(times, default=0))
    except EventError:
        return False
    return True


class _Missing:
    """What is to be added to an event, as a part of its JSON; the same for all events of a name in one request."""

    def __init__(self, name: str, identity: Identity, now: int) -> None:
        self._identity = identity
        self.timestamp = now
        self._event_type, self._source_type = _field("event_type", name), _field("source_type_name", name)
        self._text, self._time = _field("msg_text", ""), _field("timestamp", now)
        self._host, self._tags = _field("host", identity.hostname), _field("tags", identity.tags)
        self._category, self._source = _field("category", Category.OTHERS), _field("source", SOURCE)
        self._links, self._data = _field("source_links", ()), _field("data", {})

    def of_event(self, event: UsualEvent) -> bytes:
        """Return the fields that the event itself lacks, a comma before each."""
        added = b""
        if event.event_type is UNSET:
            added += self._event_type
        if event.text is UNSET:
            added += self._text
        if event.source_type is UNSET:
            added += self._source_type
        if event.host is UNSET:
            added += self._host
        if event.tags is UNSET:
            added += self._tags
        if event.timestamp is UNSET:
            added += self._time
        if event.context is UNSET:
            added += b',"context":{%b}' % self._of(_NO_CONTEXT, event)[1:]
        return added

    def of_context(self, event: UsualEvent) -> bytes:
        """Return the fields that the context lacks, likewise; nothing where there is none."""
        return b"" if event.context is UNSET else self._of(event.context, event)

    def _of(self, context: _UsualContext, event: UsualEvent) -> bytes:
        added = b""
        if context.category is UNSET:
            added += self._category
        if context.source is UNSET:
            added += self._source
        if context.source_identifier is UNSET:
            added += b',"source_identifier":"%b"' % new_identifier().encode()
        if context.element_identifiers is UNSET:
            host = self._identity.hostname if event.host is UNSET else event.host
            identifiers = (HOST_IDENTIFIER + host, *self._identity.element_identifiers)
            added += _field("element_identifiers", identifiers)
        if context.source_links is UNSET:
            added += self._links
        if context.data is UNSET:
            added += self._data
        return added


_NO_CONTEXT = _UsualContext()


def _field(key: str, value: object) -> bytes:
    return b',"%b":%b' % (key.encode(), msgspec.json.encode(value))


def _spliced(body: bytes, inside: bytes, tail: bytes) -> bytes:
    """Return the event with fields at the beginning of its context and at its own end; nothing where that is not plain.

    In this shape no other object has the key "context", and within a text its quotes would be escaped.
    """
    if inside:
        for mark in (b'"context":{"', b'"context": {"'):
            at = body.find(mark)
            if at >= 0:
                break
        else:
            return b""
        if body.find(b'"context"', at + 1) >= 0:  # it stands there twice, and the last one counts
            return b""
        at += len(mark) - 1
        body = b"%b%b,%b" % (body[:at], inside[1:], body[at:])
    return b"%b%b}" % (body[:-1], tail) if tail else body
