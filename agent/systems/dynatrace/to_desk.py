"""Any stored event as a message of the events API. Pure.

An event that came in by the events API goes out as it came. Of any other the type follows from its event type
and its category, and what has no field there is a property, so that nothing is dropped.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

import msgspec

from agent.events.stored_event import StoredContext, StoredEvent
from agent.systems.dynatrace.check import violations, without_nulls
from agent.systems.dynatrace.from_desk import as_it_came
from agent.systems.dynatrace.properties import as_text, as_texts, united
from agent.systems.dynatrace.rules import TYPES, V1, V2, Version, opens_problem, v1_name
from agent.systems.dynatrace.selector import selector
from agent.systems.dynatrace.translation import translated
from collectors.event import SOURCE, Category

_FIELDS_OF_ALL = ("source", V1.start, V1.end, V1.timeout, V1.attach, V1.properties, "timeseriesIds")


class Terms(msgspec.Struct, frozen=True):
    """What the configuration says of a destination's messages."""

    version: Version
    rules: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """The attach rules of events that bring none, as version 1 has them."""
    timeout_seconds: float = 900.0


def message_of(
    event: StoredEvent, name: str, captured_ms: int, terms: Terms, unread: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the message of an event; the same for the same event, however often it is sent.

    `unread` are fields that have no place in a `StoredEvent`: they become properties.
    """
    came = as_it_came(event, name)
    message, version = came or (_composed(event, name, terms, unread), V1)
    message = _with_times(message, version, (event.timestamp or 0) * 1000, captured_ms)
    message = translated(message, version, terms.version)
    if terms.version is V2 and came is None:
        message["title"] = event.title or message["title"]
    if terms.version is V2 and not message.get(V2.attach):
        message[V2.attach] = selector(terms.rules)[0]
    elif terms.version is V1 and not message.get(V1.attach):
        message[V1.attach] = terms.rules
    return message


def lacks(event: StoredEvent) -> list[str]:
    """Return what the type of an event requires and it does not bring; empty when its type is none of theirs."""
    kind = v1_name(event.event_type or "")
    if kind not in TYPES:
        return []
    message = without_nulls(_typed(event, kind))
    return [f"{found.path}: {found.message}" for found in violations(message, V1)]


def _with_times(
    message: dict[str, Any], version: Version, happened_ms: int, captured_ms: int
) -> dict[str, Any]:
    """Return it with the start that it did not bring, and of an information the end: now would be wrong later."""
    start = message.get(version.start, happened_ms)
    times = {version.start: start}
    if not opens_problem(message, version):
        times[version.end] = max(start, captured_ms) if version.start in message else start
    return times | message


def _composed(event: StoredEvent, name: str, terms: Terms, unread: Mapping[str, Any]) -> dict[str, Any]:
    context = event.context or StoredContext()
    data = without_nulls(context.data or {})
    message = _typed(event, _kind(event, context, data))
    if any(
        violations(message, V1)
    ):  # its data lack what the type requires, or hold something else under its names
        message = _information(event)
    if TYPES[message["eventType"]].opens_problem:
        message.setdefault(V1.timeout, ceil(terms.timeout_seconds / 60))
    rest = {key: value for key, value in data.items() if message.get(key) != value}
    properties = united(as_texts(rest), as_texts(unread))
    properties = united(properties, as_texts(_about(event, name, message)))
    message[V1.properties] = united(as_texts(message.get(V1.properties, {})), properties)
    return message


def _about(event: StoredEvent, name: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the event says beside its data that has no field in the message; nothing that says nothing."""
    context = event.context or StoredContext()
    said = message.values()
    about = {
        "source_identifier": context.source_identifier,
        "event_type": event.event_type if event.event_type not in said else "",
        "title": event.title if event.title not in said else "",
        "text": event.text if event.text not in said else "",
        "name": name,
        "host": event.host,
        "category": context.category,
        "source_type_name": event.source_type if event.source_type != name else "",
        "tags": ", ".join(event.tags or ()),
        "element_identifiers": ", ".join(context.element_identifiers or ()),
        "source_links": context.source_links,
    }
    return {key: value for key, value in about.items() if value}


def _kind(event: StoredEvent, context: StoredContext, data: Mapping[str, Any]) -> str:
    if v1_name(event.event_type or "") in TYPES:
        return v1_name(event.event_type or "")
    if event.event_type == "VersionChangedEvent" and data.get("package"):
        return "CUSTOM_DEPLOYMENT"
    if context.category == Category.CHANGES:
        return "CUSTOM_CONFIGURATION"
    if context.category != Category.ALERTS:
        return "CUSTOM_INFO"
    came_with = data.get("eventType")
    is_problem = isinstance(came_with, str) and came_with in TYPES and TYPES[came_with].opens_problem
    return str(came_with) if is_problem else "ERROR_EVENT"


def _typed(event: StoredEvent, kind: str) -> dict[str, Any]:
    """Return the fields that a type takes, from the data where the event came as that type, else from all it says."""
    context = event.context or StoredContext()
    data = context.data or {}
    rules = TYPES[kind]
    message: dict[str, Any] = {"eventType": kind, "source": _first_said(context.source)}
    title = _first_said(event.title, event.event_type)
    defaults = {"title": title, "description": _first_said(event.text, title)}
    message |= {key: text for key, text in defaults.items() if key in rules.required + rules.optional}
    if kind in {v1_name(event.event_type or ""), data.get("eventType")}:
        applicable = (*_FIELDS_OF_ALL, *rules.required, *rules.optional)
        return message | {key: data[key] for key in applicable if data.get(key) not in (None, "")}
    if kind == "CUSTOM_DEPLOYMENT":
        version = data.get("new_version") or data.get("action") or "unknown"
        message |= {"deploymentName": as_text(data.get("package")), "deploymentVersion": as_text(version)}
    elif kind == "CUSTOM_CONFIGURATION":
        message["configuration"] = as_text(data.get("path") or event.source_type or event.title)
    return message


def _information(event: StoredEvent) -> dict[str, Any]:
    title = _first_said(event.title, event.event_type)
    source = _first_said(event.context.source if event.context else None)
    text = _first_said(event.text, title)
    return {"eventType": "CUSTOM_INFO", "source": source, "title": title, "description": text}


def _first_said(*texts: str | None) -> str:
    """Return the first that is more than blanks, which the API takes for nothing."""
    return next((text for text in texts if text and text.strip()), SOURCE)
