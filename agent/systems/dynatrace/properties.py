"""The properties of a message: values as text, and within what version 2 takes. Pure; nothing is dropped unsaid."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.systems.dynatrace.rules import MAX_PROPERTIES, MAX_PROPERTY_CHARACTERS

_CUT = "…"
_REST = "more"
"""The property that holds, as JSON, what is beyond the number that version 2 takes."""


def as_text(value: object) -> str:
    """Return a value as the text of a property: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return properties as texts; what is null is left out."""
    return {key: as_text(value) for key, value in values.items() if value is not None}


def united(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Return both, the second ahead; where a key of it is taken by the first, it stands under `event.<key>`."""
    return {f"event.{key}" if key in first else key: value for key, value in second.items()} | dict(first)


def limited(properties: Mapping[str, str]) -> dict[str, str]:
    """Return as many as version 2 takes, each as long as it takes; what was cut ends in an ellipsis."""
    kept = dict(properties)
    if len(kept) > MAX_PROPERTIES:
        keys = [*kept]
        rest = {key: kept.pop(key) for key in keys[MAX_PROPERTIES - 1 :]}
        kept[_REST] = as_text(rest)
    return {key: _cut(value) for key, value in kept.items()}


def _cut(value: str) -> str:
    if len(value) <= MAX_PROPERTY_CHARACTERS:
        return value
    return value[: MAX_PROPERTY_CHARACTERS - 1] + _CUT
