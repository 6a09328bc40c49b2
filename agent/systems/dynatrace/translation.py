"""Version 1 of a message as version 2, and back. Pure.

What the other version has no place for becomes a property there, and a field again on the way back, so
that nothing is dropped. Rules that no selector says stay as a property as well.
"""

from collections.abc import Mapping
from typing import Any

from agent.systems.dynatrace.properties import as_text, as_texts, limited, united
from agent.systems.dynatrace.rules import TYPES, V1, V2, Version, v1_name, v2_name
from agent.systems.dynatrace.selector import rules_of, selector
from agent.systems.dynatrace.title import title_of
from collectors.event import SOURCE

_COMMON = ("eventType", "title")
_V1_TEXTS = frozenset(
    key for kind in TYPES.values() for key in (*kind.required, *kind.optional, "source") if key != "title"
)
_UNKNOWN = {"source": SOURCE, "deploymentVersion": "unknown"}
"""What stands where version 1 requires a field that version 2 did not bring; else the title does."""


def translated(message: Mapping[str, Any], version: Version, wanted: Version) -> dict[str, Any]:
    """Return the message as the wanted version has it."""
    if version is wanted:
        return dict(message)
    return _to_v2(message) if wanted is V2 else _to_v1(message)


def _times(message: Mapping[str, Any], old: Version, new: Version, *, is_problem: bool) -> dict[str, Any]:
    pairs = ((old.start, new.start), (old.timeout, new.timeout) if is_problem else (old.end, new.end))
    return {to: message[of] for of, to in pairs if of in message}


def _to_v2(message: Mapping[str, Any]) -> dict[str, Any]:
    kind = message["eventType"]
    times = _times(message, V1, V2, is_problem=TYPES[kind].opens_problem)
    out = {"eventType": v2_name(kind), "title": title_of(message), **times}
    rules = message.get(V1.attach) or {}
    chosen, is_whole = selector(rules)
    if chosen:
        out[V2.attach] = chosen
    elsewhere = {*_COMMON, V1.start, V1.end, V1.timeout, V1.properties}
    rest = {key: value for key, value in message.items() if key not in elsewhere}
    if is_whole:
        rest.pop(V1.attach, None)
    properties = united(as_texts(message.get(V1.properties) or {}), as_texts(rest))
    if properties:
        out[V2.properties] = limited(properties)
    return out


def _to_v1(message: Mapping[str, Any]) -> dict[str, Any]:
    kind = v1_name(message["eventType"])
    rules = TYPES[kind]
    properties = {key: as_text(value) for key, value in (message.get(V2.properties) or {}).items()}
    applicable = {"source", *rules.required, *rules.optional} & _V1_TEXTS
    fields = {key: properties.pop(key) for key in applicable if properties.get(key)}
    out: dict[str, Any] = {"eventType": kind, **_times(message, V2, V1, is_problem=rules.opens_problem)}
    if "title" in rules.required + rules.optional:
        out["title"] = message["title"]
    else:
        properties["title"] = message["title"]
    for key in ("source", *rules.required):
        out.setdefault(key, fields.get(key) or _UNKNOWN.get(key) or message["title"])
    out |= fields
    if attach := rules_of(message.get(V2.attach, "")):
        out[V1.attach] = attach
    elif message.get(V2.attach):
        properties[V2.attach] = message[V2.attach]
    elsewhere = {*_COMMON, V2.start, V2.end, V2.timeout, V2.properties, V2.attach}
    rest = {key: value for key, value in message.items() if key not in elsewhere}
    if properties := united(properties, as_texts(rest)):
        out[V1.properties] = properties
    return out
