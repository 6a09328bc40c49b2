"""Messages of the events API, translated to the one stored event; the message stays whole in its data. Pure.

Because it stays whole, it can go out again as it came. Only what is null is left out, which is as good as absent.
"""

from collections.abc import Mapping
from typing import Any

from agent.events.identity import Identity, united
from agent.events.stored_event import StoredContext, StoredEvent
from agent.systems.dynatrace.rules import V1, V2, Version, type_of
from agent.systems.dynatrace.selector import entity_ids, event_tags, rules_of
from agent.systems.dynatrace.title import text_of, title_of
from collectors.event import Category, new_identifier

NAME = "dynatrace"
"""The event name of what came in by the events API."""

SOURCES = {f"{NAME} {version.name}": version for version in (V1, V2)}
"""The context's `source` of what came in: it tells later which version the message in the data is of."""

_AS: Mapping[str, tuple[Category, str | None]] = {
    "CUSTOM_ANNOTATION": (Category.ACTIVITIES, None),
    "CUSTOM_CONFIGURATION": (Category.CHANGES, "ConfigurationChangedEvent"),
    "CUSTOM_DEPLOYMENT": (Category.DEPLOYMENTS, "VersionChangedEvent"),
    "CUSTOM_INFO": (Category.ACTIVITIES, None),
    "MARKED_FOR_TERMINATION": (Category.ACTIVITIES, None),
}
"""Category and event type by the type of a message; every other one opens a problem and is an alert."""


def to_stored(message: Mapping[str, Any], version: Version, identity: Identity, now_ms: int) -> StoredEvent:
    """Return the event of a message that has no nulls and breaks no rule."""
    kind = message["eventType"]
    category, event_type = _AS.get(kind, (Category.ALERTS, None))
    rules = _rules(message, version)
    return StoredEvent(
        event_type=event_type or kind,
        title=title_of(message),
        text=text_of(message),
        tags=event_tags(rules) or None,
        timestamp=start_of(message, version, now_ms) // 1000,
        context=StoredContext(
            category=category,
            source=f"{NAME} {version.name}",
            source_identifier=new_identifier(now_ms / 1000),
            element_identifiers=united(identity.identifiers, entity_ids(rules)),
            data=dict(message),
        ),
    )


def start_of(message: Mapping[str, Any], version: Version, now_ms: int) -> int:
    """Return when it began, in milliseconds."""
    return int(message.get(version.start, now_ms))


def as_it_came(event: StoredEvent, name: str) -> tuple[dict[str, Any], Version] | None:
    """Return the message that an event came in as, and its version; None for an event of another origin."""
    context = event.context
    version = SOURCES.get(context.source or "") if context and name == NAME else None
    if version is None or context is None or not context.data:
        return None
    is_known = type_of(context.data.get("eventType"), version) is not None
    return (dict(context.data), version) if is_known else None


def _rules(message: Mapping[str, Any], version: Version) -> Mapping[str, Any]:
    if version is V2:
        return rules_of(message.get(version.attach, "")) or {}
    rules: Mapping[str, Any] = message.get(version.attach, {})
    return rules
