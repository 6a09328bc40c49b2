"""The common JSON object as it is posted, whole or in part, into events that can be kept.

An event keeps every byte it came with; only fields that are missing are filled. What no receiver would
take is refused here, named by its place, while whoever posted it is still there to hear it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Annotated, Any

import msgspec

from agent.chunk import Captured
from agent.events.identity import HOST_IDENTIFIER, Identity, united
from collectors.event import (
    FIRST_MILLISECOND_TIMESTAMP,
    MAX_EVENT_BYTES,
    SOURCE,
    Category,
    EventError,
    Link,
    check_name,
    check_tag,
    check_timestamp,
    new_identifier,
)

BY_HAND = "event send"
"""The `origin` of events that our own command made: they get the agent's tags, as all of ours do."""


class PostedError(ValueError):
    """What is wrong with what was posted, beginning with where."""


class _Posted(msgspec.Struct):
    """The top of the common JSON object, as far as it says something about its events."""

    events: dict[str, list[msgspec.Raw]] | None = None
    internalHostname: str | None = None  # noqa: N815 - the receiver's spelling
    origin: str | None = None


class _Object(msgspec.Struct, gc=False):
    """Any JSON object; what is in it stays unread."""


class _Context(msgspec.Struct, gc=False):
    category: str | None = None
    source: str | None = None
    source_identifier: str | None = None
    element_identifiers: list[str] | None = None
    source_links: list[Link] | None = None
    data: _Object | None = None


class _Event(msgspec.Struct, gc=False):
    """What may be posted: each field may be missing, and none may be something else."""

    event_type: str | None = None
    msg_title: str | None = None
    msg_text: str | None = None
    source_type_name: str | None = None
    host: str | None = None
    tags: list[str] | None = None
    timestamp: int | None = None
    context: _Context | None = None


_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _WholeContext(msgspec.Struct, gc=False):
    category: _Text
    source: _Text
    source_identifier: _Text
    element_identifiers: Annotated[list[str], msgspec.Meta(min_length=1)]
    source_links: list[Link]
    data: _Object


class _WholeEvent(msgspec.Struct, gc=False):
    """What needs nothing to be filled."""

    event_type: _Text
    msg_title: _Text
    msg_text: str
    source_type_name: _Text
    host: _Text
    tags: tuple[str, ...]
    timestamp: Annotated[int, msgspec.Meta(ge=0, lt=FIRST_MILLISECOND_TIMESTAMP)]
    context: _WholeContext


class _WholePosted(msgspec.Struct):
    """A burst, as a rule: that nothing is missing is told by one decode, without asking field after field."""

    events: dict[str, list[_WholeEvent]]


_decode_posted = msgspec.json.Decoder(_Posted).decode
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_whole = msgspec.json.Decoder(_WholeEvent).decode
_decode_whole_posted = msgspec.json.Decoder(_WholePosted).decode


def parse(body: bytes, identity: Identity, now: Callable[[], float] = time.time) -> list[Captured]:
    """Return the events of a posted object in its order; raises `PostedError` when one cannot be kept."""
    try:
        body.decode()  # what is kept unread must not make a whole request to a receiver unreadable
        posted = _decode_posted(body)
    except UnicodeDecodeError as error:
        raise PostedError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    except msgspec.MsgspecError as error:
        raise PostedError(f"this is not the common JSON object: {error}") from None
    if posted.internalHostname and posted.internalHostname != identity.hostname:
        identity = Identity(posted.internalHostname, identity.tags, identity.element_identifiers)
    extra = identity.tags if posted.origin == BY_HAND else ()
    whole = None if extra else _all_whole(body)
    captured: list[Captured] = []
    for name, bodies in (posted.events or {}).items():
        try:
            check_name(name)
        except EventError as error:
            raise PostedError(f"events.{name}: {error}") from None
        if whole is not None and max(map(len, bodies), default=0) <= MAX_EVENT_BYTES:
            captured += map(_as_it_came, repeat(name), bodies, whole[name])
        else:
            captured += _one_by_one(name, bodies, identity, now, extra)
    return captured


def _all_whole(body: bytes) -> dict[str, list[_WholeEvent]] | None:
    """Return what is known of the events by name when nothing is missing in, or wrong with, any of them."""
    try:
        events = _decode_whole_posted(body).events
        for tag in {tag for named in events.values() for event in named for tag in event.tags}:
            check_tag(tag)
    except (EventError, msgspec.ValidationError):
        return None
    return events


def _as_it_came(name: str, body: bytes, event: _WholeEvent) -> Captured:
    return Captured(name, body, event.timestamp, event.event_type, event.tags)


def _one_by_one(
    name: str,
    bodies: Sequence[msgspec.Raw],
    identity: Identity,
    now: Callable[[], float],
    extra: tuple[str, ...],
) -> Iterable[Captured]:
    for index, raw in enumerate(bodies):
        try:
            body, event = _whole(name, raw, identity, now, extra)
        except (EventError, msgspec.MsgspecError) as error:
            raise PostedError(f"events.{name}[{index}]: {error}") from None
        yield _as_it_came(name, body, event)


def _whole(
    name: str, body: bytes, identity: Identity, now: Callable[[], float], extra: tuple[str, ...]
) -> tuple[bytes, _WholeEvent]:
    """Return the event with what is missing filled, and the agent's tags where they belong to it."""
    given = _decode_event(body)
    for tag in given.tags or ():
        check_tag(tag)
    check_timestamp(given.timestamp or 0)
    try:
        event = _decode_whole(body)
    except msgspec.ValidationError:
        event = None
    if event is None or extra:
        body = _filled(name, body, identity, now, extra)
        event = _decode_whole(body)
    if len(body) > MAX_EVENT_BYTES:
        raise EventError(f"the event is larger than {MAX_EVENT_BYTES} bytes", "cut its text")
    return body, event


def _filled(
    name: str, body: bytes, identity: Identity, now: Callable[[], float], extra: tuple[str, ...]
) -> bytes:
    wire: dict[str, Any] = msgspec.json.decode(body)
    if not wire.get("msg_title"):
        raise EventError("msg_title is missing or empty", "every event says what it is")
    context = dict(wire.get("context") or {})
    host = wire.get("host") or identity.hostname
    _fill(
        context,
        (None, "", []),
        category=Category.OTHERS,
        source=SOURCE,
        source_identifier=new_identifier,
        element_identifiers=lambda: [HOST_IDENTIFIER + host, *identity.element_identifiers],
    )
    _fill(context, (None,), source_links=list, data=dict)
    _fill(wire, (None, ""), event_type=name, source_type_name=name, host=host)
    _fill(wire, (None,), msg_text="", tags=lambda: list(identity.tags), timestamp=lambda: int(now()))
    wire["context"] = context
    wire["tags"] = list(united(tuple(wire["tags"]), extra))
    return msgspec.json.encode(wire)


def _fill(fields: dict[str, Any], missing: tuple[object, ...], **defaults: Any) -> None:
    """Set those whose value counts as missing; a key that is absent has the value None."""
    for key, default in defaults.items():
        if fields.get(key) in missing:
            fields[key] = default() if callable(default) else default
