"""Posted events of the shape that the documentation shows (`agent.events.usual_event`) are filled without reading them again."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeGuard

import msgspec
from msgspec import UNSET

from agent.events.chunk import Captured, distinct
from agent.events.completion import check_tags
from agent.events.identity import HOST_IDENTIFIER, Identity
from agent.events.usual_event import (
    CompleteContext,
    CompleteEvent,
    HostlessEvent,
    LinklessContext,
    Usual,
    UsualContext,
)
from collectors.event import MAX_EVENT_BYTES, SOURCE, Category, EventError, new_identifier

_KNOWN_CHARACTERS = 256


def fill(
    name: str,
    bodies: Sequence[msgspec.Raw],
    events: Sequence[Usual],
    identity: Identity,
    now: Callable[[], float],
    *,
    posted_bytes: int,
) -> list[Captured] | None:
    """Return events, all of one of the types of `Usual`, as `completion.complete` would, field for field.

    None where one of them needs its longer way. `posted_bytes` is the size of what they all came in.
    """
    if len(events) == 1:
        return _alone(name, bodies[0], events[0], identity, now)
    if _are_complete(events):
        captured = [
            Captured(name, body, event.timestamp, event.event_type, event.tags)
            for body, event in zip(bodies, events, strict=True)
        ]
        fit = posted_bytes <= MAX_EVENT_BYTES or max(map(len, bodies)) <= MAX_EVENT_BYTES
    else:
        missing = _Missing(name, identity, int(now()))
        captured = (
            missing.hosted(bodies, events)
            if _are_hostless(events)
            else list(map(missing.filled, bodies, events))
        )
        sizes = [len(event.body) for event in captured]
        fit = min(sizes) > 0 and max(sizes) <= MAX_EVENT_BYTES
    return captured if fit and _have_right_tags(captured) else None


def _alone(
    name: str, body: msgspec.Raw, event: Usual, identity: Identity, now: Callable[[], float]
) -> list[Captured] | None:
    """Return the same of one event: most come alone, and each is worth the way."""
    captured = _Missing(name, identity, int(now())).filled(body, event)
    return [captured] if 0 < len(captured.body) <= MAX_EVENT_BYTES and _are_right(captured.tags) else None


def _are_complete(events: Sequence[Usual]) -> TypeGuard[Sequence[CompleteEvent]]:
    return isinstance(events[0], CompleteEvent)


def _are_hostless(events: Sequence[Usual]) -> TypeGuard[Sequence[HostlessEvent]]:
    return isinstance(events[0], HostlessEvent)


def _have_right_tags(captured: Sequence[Captured]) -> bool:
    return all(map(_are_right, distinct([event.tags for event in captured])))


def _are_right(tags: tuple[str, ...]) -> bool:
    try:
        check_tags(tags)
    except EventError:
        return False
    return True


class _Fields(dict[str, bytes]):
    """Fields of a JSON object by their keys, a comma before each, encoded once and only when one is asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._values = values

    def __missing__(self, key: str) -> bytes:
        self[key] = encoded = _field(key, self._values[key])
        return encoded


def fields_of(name: str, identity: Identity) -> Mapping[str, bytes]:
    """Return the fields that an event of a name may lack, but for what is its own, a comma before each."""
    return (_known_fields if len(name) <= _KNOWN_CHARACTERS else _known_fields.__wrapped__)(name, identity)


@lru_cache(maxsize=64)  # those of a program are the same from request to request
def _known_fields(name: str, identity: Identity) -> _Fields:
    return _Fields(
        {
            "event_type": name,
            "source_type_name": name,
            "msg_text": "",
            "host": identity.hostname,
            "tags": identity.tags,
            "category": Category.OTHERS,
            "source": SOURCE,
            "source_links": (),
            "data": {},
        }
    )


class _Missing:
    """What is to be added to an event, as a part of its JSON; the same for all events of a name in one request."""

    def __init__(self, name: str, identity: Identity, now: int) -> None:
        self._name, self._identity, self._now = name, identity, now
        self._fields = fields_of(name, identity)

    def hosted(self, bodies: Sequence[msgspec.Raw], events: Sequence[HostlessEvent]) -> list[Captured]:
        """Return what `filled` does of each: little can be missing, and all that is shared is asked for once."""
        links, host = self._fields["source_links"], self._fields["host"]
        first, end = _FIRST + links[1:] + b",", host + b"}"
        filled: list[bytes] = []
        for raw, event in zip(bodies, events, strict=True):
            body = bytes(raw)
            if event.context.source_links is not UNSET:
                filled.append(body[:-1] + end)
            elif body.startswith(_FIRST) and body.count(b"{") == _OBJECTS:
                filled.append(b"".join((first, body[len(_FIRST) : -1], end)))
            else:
                filled.append(_spliced(body, links, host))
        return [
            Captured(self._name, body, event.timestamp, event.event_type, event.tags)
            for body, event in zip(filled, events, strict=True)
        ]

    def filled(self, body: msgspec.Raw, event: Usual) -> Captured:
        """Return the event with what it lacks; its body is empty where that cannot be put in plainly."""
        inside = b"" if event.context is UNSET else self._of_context(event.context, event)
        tail = self._of_event(event)
        return Captured(
            self._name,
            _spliced(bytes(body), inside, tail) if inside or tail else body,
            self._now if event.timestamp is UNSET else event.timestamp,
            self._name if event.event_type is UNSET else event.event_type,
            self._identity.tags if event.tags is UNSET else event.tags,
        )

    def _of_event(self, event: Usual) -> bytes:
        """Return the fields that the event itself lacks."""
        added, fields = b"", self._fields
        if event.event_type is UNSET:
            added += fields["event_type"]
        if event.text is UNSET:
            added += fields["msg_text"]
        if event.source_type is UNSET:
            added += fields["source_type_name"]
        if event.host is UNSET:
            added += fields["host"]
        if event.tags is UNSET:
            added += fields["tags"]
        if event.timestamp is UNSET:
            added += _field("timestamp", self._now)
        if event.context is UNSET:
            added += b',"context":{%b}' % self._of_context(_NO_CONTEXT, event)[1:]
        return added

    def _of_context(self, context: CompleteContext | LinklessContext | UsualContext, event: Usual) -> bytes:
        """Return the fields that the event's context lacks, likewise."""
        added, fields = b"", self._fields
        if context.category is UNSET:
            added += fields["category"]
        if context.source is UNSET:
            added += fields["source"]
        if context.source_identifier is UNSET:
            added += b',"source_identifier":"%b"' % new_identifier().encode()
        if context.element_identifiers is UNSET:
            host = self._identity.hostname if event.host is UNSET else event.host
            identifiers = (HOST_IDENTIFIER + host, *self._identity.element_identifiers)
            added += _field("element_identifiers", identifiers)
        if context.source_links is UNSET:
            added += fields["source_links"]
        if context.data is UNSET:
            added += fields["data"]
        return added


_NO_CONTEXT = UsualContext()
_FIRST, _OBJECTS = b'{"context":{', 3
"""How most events begin, and how many objects one without links has: itself, its context, its data. So its context stands there once."""


def _field(key: str, value: object) -> bytes:
    return b',"%b":%b' % (key.encode(), msgspec.json.encode(value))


def _spliced(body: bytes, inside: bytes, tail: bytes) -> bytes:
    """Return the event with fields at the beginning of its context and at its own end; nothing where that is not plain.

    In this shape no other object has the key "context", and within a text its quotes would be escaped. Written with escapes
    itself it may stand there twice, unseen.
    """
    if inside:
        if body.find(b"\\") >= 0 and b"\\u" in body:
            return b""
        for mark in (b'"context":{"', b'"context": {"'):
            at = body.find(mark)
            if at >= 0:
                break
        else:
            return b""
        if body.find(b'"context"', at + 1) >= 0:  # it stands there twice, and the last one counts
            return b""
        at += len(mark) - 1
        body = b"".join((body[:at], inside[1:], b",", body[at:]))
    return b"".join((body[:-1], tail, b"}")) if tail else body
