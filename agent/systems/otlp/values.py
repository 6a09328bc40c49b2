"""Values of events as OTLP's `AnyValue`, in its JSON form. Pure.

`AnyValue` in the JSON mapping of OTLP: one field that says the type; whole numbers of 64 bits are texts. Nothing is
dropped: what has no type there goes as text.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

MOST_LEVELS = 16
"""Of lists and objects in each other. A level costs three messages in protobuf, and many readers take no more than a
hundred; what lies deeper goes as JSON text."""

_FIRST_INT, _LAST_INT = -(2**63), 2**63 - 1

JsonValue = dict[str, Any]


def any_value(value: Any, levels: int = MOST_LEVELS) -> JsonValue:
    """Return one value; null is an `AnyValue` without a field."""
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case str():
            return {"stringValue": text(value)}
        case int() if _FIRST_INT <= value <= _LAST_INT:
            return {"intValue": str(value)}
        case float() if math.isfinite(value):
            return {"doubleValue": value}
        case int() | float():
            return {"stringValue": str(value)}
        case _ if not levels:
            return {"stringValue": json.dumps(value)}
        case Mapping():
            return {"kvlistValue": {"values": key_values(value, levels - 1)}}
        case _:
            return {"arrayValue": {"values": [any_value(one, levels - 1) for one in value]}}


def key_values(values: Mapping[str, Any], levels: int = MOST_LEVELS) -> list[JsonValue]:
    """Return keys and values in their order."""
    return [{"key": text(key), "value": any_value(value, levels)} for key, value in values.items()]


def text(value: str) -> str:
    """Return a text that every encoding takes: half a surrogate pair, which older versions kept, becomes `?`."""
    return value if value.isascii() else value.encode(errors="replace").decode()
