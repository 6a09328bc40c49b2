"""The one shape of a stored event: how it is read from its JSON, and how fields of it are set.

The intake, filters, corrections, the log and every mapping to another system read events through this
struct. A field that is absent, or null, is None. Fields that are not in the struct are left alone:
`with_fields` changes what it is told to, and every other field keeps the bytes it came with.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from collectors.event import WIRE_KEYS, Link


class StoredContext(msgspec.Struct, gc=False):
    """The part of an event that StackState calls its context."""

    category: str | None = None
    source: str | None = None
    source_identifier: str | None = None
    element_identifiers: tuple[str, ...] | None = None
    source_links: tuple[Link, ...] | None = None
    data: dict[str, Any] | None = None


class StoredEvent(msgspec.Struct, gc=False, rename=WIRE_KEYS):
    """One event; `timestamp` is in seconds since the epoch, `source_type` is the name of its kind of source."""

    event_type: str | None = None
    title: str | None = None
    text: str | None = None
    source_type: str | None = None
    host: str | None = None
    tags: tuple[str, ...] | None = None
    timestamp: int | None = None
    context: StoredContext | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing; an empty text in a field that must say something is missing, too."""
        context = self.context
        return bool(
            self.event_type
            and self.title
            and self.text is not None
            and self.source_type
            and self.host
            and self.tags is not None
            and self.timestamp is not None
            and context is not None
            and context.category
            and context.source
            and context.source_identifier
            and context.element_identifiers
            and context.source_links is not None
            and context.data is not None
        )


WIRE: Final[Mapping[str, str]] = {
    field.name: field.encode_name for field in msgspec.structs.fields(StoredEvent)
} | {field.name: field.encode_name for field in msgspec.structs.fields(StoredContext)}
"""The key in the JSON object of each field of the two structs; no two fields share a name."""

_EVENT_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(StoredEvent))
_CONTEXT_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(StoredContext))
_decode = msgspec.json.Decoder(StoredEvent).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_CONTEXT = WIRE["context"]


def decode(body: bytes | msgspec.Raw) -> StoredEvent:
    """Return the event; raises `msgspec.MsgspecError` (`ValidationError` with the place of a wrong type)."""
    return _decode(body)


def read(body: bytes | msgspec.Raw) -> StoredEvent | None:
    """Return the event, or None where the bytes are none: for rows that older versions or damage left.

    What only some readers of JSON refuse, as `1e999`, is read all the same.
    """
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_leniently(bytes(body))


def _read_leniently(body: bytes) -> StoredEvent | None:
    import json

    try:
        return msgspec.convert(json.loads(body), StoredEvent)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None


def unread_fields(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an event's JSON object, and of its context, that have no place in the structs."""
    context = whole.get(_CONTEXT)
    found = {key: value for key, value in whole.items() if key not in _EVENT_KEYS}
    inside = context if isinstance(context, dict) else {}
    return found | {key: value for key, value in inside.items() if key not in _CONTEXT_KEYS}


def read_unread_fields(body: bytes | msgspec.Raw) -> dict[str, Any]:
    """Return the same of the bytes; nothing of bytes that are no object."""
    try:
        return unread_fields(msgspec.json.decode(body, type=dict[str, Any]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def with_fields(
    body: bytes | msgspec.Raw, fields: Mapping[str, object], context: Mapping[str, object] | None = None
) -> bytes:
    """Return the event's JSON with these fields, by their names in the structs, set to these values.

    It reads the object's fields without looking into them, once, and its context once where that
    changes. Raises `msgspec.MsgspecError` when it is no object.
    """
    wire: dict[str, Any] = dict(_decode_fields(body))
    if context:
        old = wire.get(_CONTEXT)
        inner: dict[str, Any] = dict(_decode_fields(old)) if old and bytes(old) != b"null" else {}
        inner.update((WIRE[name], value) for name, value in context.items())
        wire[_CONTEXT] = inner
    wire.update((WIRE[name], value) for name, value in fields.items())
    return msgspec.json.encode(wire)
