"""An event that somebody else made, checked, and completed with what is missing.

What is there stays, to the byte; a field that is absent or null is filled, and one that is empty where it
must say something. What no receiver takes is refused here, while whoever made the event still listens.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from agent.events import stored_event
from agent.events.chunk import Captured
from agent.events.identity import HOST_IDENTIFIER, Identity, united
from agent.events.stored_event import StoredContext, StoredEvent
from collectors.event import (
    MAX_EVENT_BYTES,
    SOURCE,
    Category,
    EventError,
    check_tag,
    check_timestamp,
    new_identifier,
)


class EventTooLarge(EventError):  # noqa: N818 - as its parent says it
    """An event that is larger than one may be, with what the agent adds to it."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"the event is larger than {MAX_EVENT_BYTES} bytes with what is added to it: {size_bytes}",
            "cut its text or its data",
        )


def complete(
    name: str,
    body: bytes | msgspec.Raw,
    identity: Identity,
    *,
    extra_tags: tuple[str, ...] = (),
    now: Callable[[], float] = time.time,
) -> Captured:
    """Return an event's JSON object as it is kept under `name`.

    `extra_tags` are added to those it has; the identity's own only where it has none. On a host without a
    name, what only the name is missing for is left to the delivery. Raises `EventError`, and `msgspec.MsgspecError` for a field of a wrong type.
    """
    event = stored_event.decode(body)
    _check(event)
    if event.is_complete and not extra_tags:
        return _kept(name, body, event)
    missing = _missing(name, event, identity, now)
    tags = united(event.tags if event.tags is not None else identity.tags, extra_tags)
    if tags != event.tags:
        missing["tags"] = tags
    body = stored_event.with_fields(body, missing, _missing_context(event, identity))
    return _kept(name, body, msgspec.structs.replace(event, **missing))


def _check(event: StoredEvent) -> None:
    if event.tags:
        check_tags(event.tags)
    if event.timestamp is not None:
        check_timestamp(event.timestamp)
    if not event.title:
        raise EventError("msg_title is missing or empty", "every event says what it is")


@lru_cache(maxsize=1024)  # those of a program are the same from event to event
def check_tags(tags: tuple[str, ...]) -> None:
    """Raise `EventError` for a tag that is none."""
    for tag in tags:
        if tag.find(":") < 1:  # else it reads key:value, as nearly always: a burst has many
            check_tag(tag)


def _kept(name: str, body: bytes | msgspec.Raw, event: StoredEvent) -> Captured:
    size_bytes = len(body)
    if size_bytes > MAX_EVENT_BYTES:
        raise EventTooLarge(size_bytes)
    return Captured(name, body, event.timestamp or 0, event.event_type or name, event.tags or ())


def _missing(name: str, event: StoredEvent, identity: Identity, now: Callable[[], float]) -> dict[str, Any]:
    missing: dict[str, Any] = {}
    if event.text is None:
        missing["text"] = ""
    if event.timestamp is None:
        missing["timestamp"] = int(now())
    texts = {"event_type": name, "source_type": name, "host": identity.hostname}
    return missing | {field: text for field, text in texts.items() if not getattr(event, field)}


def _missing_context(event: StoredEvent, identity: Identity) -> dict[str, Any]:
    context = event.context or StoredContext()
    missing: dict[str, Any] = {}
    if not context.category:
        missing["category"] = Category.OTHERS
    if not context.source:
        missing["source"] = SOURCE
    if not context.source_identifier:
        missing["source_identifier"] = new_identifier()
    if not context.element_identifiers:
        host = HOST_IDENTIFIER + (event.host or identity.hostname)
        missing["element_identifiers"] = (host, *identity.element_identifiers)
    if context.source_links is None:
        missing["source_links"] = ()
    if context.data is None:
        missing["data"] = {}
    return missing
