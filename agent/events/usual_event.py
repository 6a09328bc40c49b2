"""The types of posted events of the shape that the documentation shows, as nearly all are.

They are narrow: no field that is unknown, null or empty where it must say something, data without
nesting, whole numbers of 64 bits. Every text is decoded, and msgspec decodes no half of a surrogate pair and nothing but
UTF-8. So what fits them holds nothing that some reader of JSON refuses, and where a field is missing is known. What does
not fit is no error: it goes the longer way (`agent.events.completion`), which gives the same event.

Fields stand in the order of the documentation's example: msgspec finds a key at once where it is the next one.
"""

from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from collectors.event import FIRST_MILLISECOND_TIMESTAMP, WIRE_KEYS

Filled = Annotated[str, Meta(min_length=1)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Scalar = str | Whole | float | bool | None
_Seconds = Annotated[int, Meta(ge=0, lt=FIRST_MILLISECOND_TIMESTAMP)]
_Identifiers = Annotated[list[str], Meta(min_length=1)]


class _UsualLink(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    title: str
    url: str


class CompleteContext(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The context of an event that lacks nothing."""

    category: Filled
    data: dict[str, Scalar]
    element_identifiers: _Identifiers
    source: Filled
    source_identifier: Filled
    source_links: list[_UsualLink]


class CompleteEvent(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename=WIRE_KEYS):
    """An event of this shape that lacks nothing."""

    context: CompleteContext
    event_type: Filled
    title: Filled
    text: str
    source_type: Filled
    host: Filled
    tags: tuple[str, ...]
    timestamp: _Seconds
    priority: str | None = None
    alert_type: str | None = None
    aggregation_key: str | None = None


class LinklessContext(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The context of an event that may lack its links."""

    category: Filled
    data: dict[str, Scalar]
    element_identifiers: _Identifiers
    source: Filled
    source_identifier: Filled
    source_links: list[_UsualLink] | UnsetType = UNSET


class HostlessEvent(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename=WIRE_KEYS):
    """An event of this shape as programs send most of them: without its host, with or without links, else complete."""

    host: ClassVar[UnsetType] = UNSET
    context: LinklessContext
    event_type: Filled
    title: Filled
    text: str
    source_type: Filled
    tags: tuple[str, ...]
    timestamp: _Seconds
    priority: str | None = None
    alert_type: str | None = None
    aggregation_key: str | None = None


class UsualContext(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The context of an event of this shape; what it lacks is unset."""

    category: Filled | UnsetType = UNSET
    data: dict[str, Scalar] | UnsetType = UNSET
    element_identifiers: _Identifiers | UnsetType = UNSET
    source: Filled | UnsetType = UNSET
    source_identifier: Filled | UnsetType = UNSET
    source_links: list[_UsualLink] | UnsetType = UNSET


class UsualEvent(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename=WIRE_KEYS, kw_only=True):
    """An event of this shape; what it lacks is unset."""

    context: UsualContext | UnsetType = UNSET
    event_type: Filled | UnsetType = UNSET
    title: Filled
    text: str | UnsetType = UNSET
    source_type: Filled | UnsetType = UNSET
    host: Filled | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    timestamp: _Seconds | UnsetType = UNSET
    priority: str | None = None
    alert_type: str | None = None
    aggregation_key: str | None = None


Usual = CompleteEvent | HostlessEvent | UsualEvent
