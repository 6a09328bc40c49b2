"""The common JSON object as it is posted, whole or in part, into events that can be kept.

An event keeps every byte it came with; only fields that are missing are filled. What no receiver would
take is refused here, named by its place, while whoever posted it is still there to hear it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from agent.capture import HOST_IDENTIFIER, Identity, united
from agent.chunk import Captured
from collectors.event import (
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


class _Object(msgspec.Struct):
    """The top of the common JSON object, as far as it says something about its events."""

    events: dict[str, list[msgspec.Raw]] | None = None
    internalHostname: str | None = None  # noqa: N815 - the receiver's spelling
    origin: str | None = None


class _Context(msgspec.Struct):
    category: str | None = None
    source: str | None = None
    source_identifier: str | None = None
    element_identifiers: list[str] | None = None
    source_links: list[Link] | None = None
    data: dict[str, msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    event_type: str | None = None
    msg_title: str | None = None
    msg_text: str | None = None
    source_type_name: str | None = None
    host: str | None = None
    tags: list[str] | None = None
    timestamp: int | None = None
    context: _Context | None = None


_decode_object = msgspec.json.Decoder(_Object).decode
_decode_event = msgspec.json.Decoder(_Event).decode


def parse(body: bytes, identity: Identity, now: Callable[[], float] = time.time) -> list[Captured]:
    """Return the events of a posted object in its order; raises `PostedError` when one cannot be kept."""
    try:
        body.decode()  # what is kept unread must not make a whole request to a receiver unreadable
        posted = _decode_object(body)
    except UnicodeDecodeError as error:
        raise PostedError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    except msgspec.MsgspecError as error:
        raise PostedError(f"this is not the common JSON object: {error}") from None
    if posted.internalHostname and posted.internalHostname != identity.hostname:
        identity = Identity(posted.internalHostname, identity.tags, identity.element_identifiers)
    by_hand = posted.origin == BY_HAND
    captured: list[Captured] = []
    for name, bodies in (posted.events or {}).items():
        captured += _named(name, bodies, identity, now, by_hand=by_hand)
    return captured


def _named(
    name: str, bodies: Sequence[msgspec.Raw], identity: Identity, now: Callable[[], float], *, by_hand: bool
) -> Iterable[Captured]:
    try:
        check_name(name)
    except EventError as error:
        raise PostedError(f"events.{name}: {error}") from None
    extra = identity.tags if by_hand else ()
    for index, raw in enumerate(bodies):
        try:
            yield _captured(name, bytes(raw), identity, now, extra)
        except (EventError, msgspec.MsgspecError) as error:
            raise PostedError(f"events.{name}[{index}]: {error}") from None


def _captured(
    name: str, body: bytes, identity: Identity, now: Callable[[], float], extra: tuple[str, ...]
) -> Captured:
    event = _decode_event(body)
    tags = event.tags or ()
    for tag in tags:
        check_tag(tag)
    if extra or not _is_whole(event):
        body = _filled(name, body, identity, now, extra)
        event = _decode_event(body)
    timestamp = event.timestamp
    check_timestamp(timestamp)
    if len(body) > MAX_EVENT_BYTES:
        raise EventError(f"the event is larger than {MAX_EVENT_BYTES} bytes", "cut its text")
    return Captured(name, body, timestamp or 0, event.event_type or name, tuple(event.tags or ()))


def _is_whole(event: _Event) -> bool:
    context = event.context
    return bool(
        event.timestamp is not None
        and event.event_type
        and event.msg_title
        and event.msg_text is not None
        and event.source_type_name
        and event.host
        and event.tags is not None
        and context is not None
        and context.category
        and context.source
        and context.source_identifier
        and context.element_identifiers
        and context.source_links is not None
        and context.data is not None
    )


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
