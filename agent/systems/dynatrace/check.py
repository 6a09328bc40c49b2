"""Whether a message is one that the events API takes: one pure check for the intake and the stand-in.

JSON null is absent, an empty text in a required field is missing, and what is not applicable to a type is not
looked at: it is ignored, never refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.systems.dynatrace.rules import MAX_TIMEOUT_MINUTES, V1, EventType, Version, type_of
from collectors.event import FIRST_MILLISECOND_TIMESTAMP


class Violation(msgspec.Struct, frozen=True):
    """One rule that a message breaks, and the path of the property that does."""

    path: str
    message: str


def without_nulls(value: Any) -> Any:
    """Return the value without members that are null, at any depth: they are as good as absent."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value


def violations(message: Mapping[str, Any], version: Version) -> Iterator[Violation]:
    """Yield what is wrong with a message that has no nulls."""
    name = message.get("eventType")
    if not name:
        yield missing("eventType")
        return
    kind = type_of(name, version)
    if kind is None:
        yield Violation("eventType", f"Unknown eventType '{name}'.")
        return
    yield from _v1(message, kind) if version is V1 else _v2(message)
    yield from _times(message, kind, version)
    properties = message.get(version.properties, {})
    if not isinstance(properties, dict):
        yield Violation(version.properties, f"The property '{version.properties}' must be an object.")


def missing(path: str) -> Violation:
    """Return that a required property is missing."""
    return Violation(path, f"The property '{path}' must not be null or empty.")


def _v1(message: Mapping[str, Any], kind: EventType) -> Iterator[Violation]:
    required = ("source", *kind.required)
    for key in required:
        yield from _text(message, key, is_required=True)
    for key in kind.optional:
        yield from _text(message, key, is_required=False)
    if "attachRules" in message:
        yield from _attach_rules(message["attachRules"])


def _v2(message: Mapping[str, Any]) -> Iterator[Violation]:
    yield from _text(message, "title", is_required=True)
    yield from _text(message, "entitySelector", is_required=False)


def _text(message: Mapping[str, Any], key: str, *, is_required: bool) -> Iterator[Violation]:
    value = message.get(key, "")
    if not isinstance(value, str):
        yield Violation(key, f"The property '{key}' must be a string.")
    elif is_required and not value.strip():
        yield missing(key)


def _times(message: Mapping[str, Any], kind: EventType, version: Version) -> Iterator[Violation]:
    """Check the times that apply; an end of a problem, or a timeout of an information, does not."""
    for key in (version.start,) if kind.opens_problem else (version.start, version.end):
        if key in message and not is_milliseconds(message[key]):
            yield Violation(key, f"The property '{key}' must be a time in UTC milliseconds.")
    timeout = message.get(version.timeout, 0)
    if kind.opens_problem and not (_is_integer(timeout) and 0 <= timeout <= MAX_TIMEOUT_MINUTES):
        limits = f"between 0 and {MAX_TIMEOUT_MINUTES} minutes"
        yield Violation(version.timeout, f"The property '{version.timeout}' must be {limits}.")


def is_milliseconds(value: object) -> bool:
    """Return whether this is a time that an event may have, in milliseconds."""
    return _is_integer(value) and 0 <= value < FIRST_MILLISECOND_TIMESTAMP * 1000  # type: ignore[operator] # it is an int


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _attach_rules(rules: object) -> Iterator[Violation]:
    if not isinstance(rules, dict):
        yield Violation("attachRules", "The property 'attachRules' must be an object.")
        return
    ids, tag_rules = rules.get("entityIds", []), rules.get("tagRule", [])
    if not _is_texts(ids):
        yield Violation("attachRules.entityIds", "Expected a list of entity IDs.")
    if not isinstance(tag_rules, list):
        yield Violation("attachRules.tagRule", "Expected a list of rules.")
    elif not ids and not tag_rules:
        yield Violation("attachRules", "At least one entity ID or tag is required.")
    else:
        for index, rule in enumerate(tag_rules):
            yield from _tag_rule(f"attachRules.tagRule[{index}]", rule)


def _tag_rule(where: str, rule: object) -> Iterator[Violation]:
    if not isinstance(rule, dict):
        yield Violation(where, "Expected an object with meTypes and tags.")
        return
    if not rule.get("meTypes") or not _is_texts(rule["meTypes"]):
        yield Violation(f"{where}.meTypes", "At least one type of entity is required.")
    tags = rule.get("tags")
    if not isinstance(tags, list) or not tags:
        yield Violation(f"{where}.tags", "At least one tag is required.")
        return
    for index, tag in enumerate(tags):
        if not (_is_name(tag) if not isinstance(tag, dict) else _is_tag(tag)):
            yield Violation(f"{where}.tags[{index}]", "Expected a tag with context and key.")


def _is_tag(tag: Mapping[str, Any]) -> bool:
    return (
        _is_name(tag.get("key"))
        and isinstance(tag.get("context", ""), str)
        and isinstance(tag.get("value", ""), str)
    )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))
