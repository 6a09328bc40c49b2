"""What OTLP documents of a request for logs, in its JSON form, as one pure check.

The messages are a table; a walk holds a request to it. A problem is `refused` where no reader of the protocol could
take the request; what readers pass over (a field they do not know) is told and accepted. Facts: opentelemetry-proto,
logs/v1 and common/v1; OpenTelemetry, "OTLP Specification", JSON encoding.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.stand_in.verdict import Found, Problem

_MOST_LEVELS = 100
"""Of messages in each other: what readers of protobuf take unless told otherwise."""

_SCALARS = {
    "text": (str, None, "a text"),
    "bool": (bool, None, "true or false"),
    "hex16": (str, re.compile(r"([0-9a-fA-F]{16})?"), "16 hexadecimal digits"),
    "hex32": (str, re.compile(r"([0-9a-fA-F]{32})?"), "32 hexadecimal digits"),
    "base64": (str, re.compile(r"[A-Za-z0-9+/_-]*={0,2}"), "base64"),
}
_RANGES = {
    "fixed64": (0, 2**64 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "severity": (0, 24),
}
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "ExportLogsServiceRequest": {"resourceLogs": "[ResourceLogs]"},
    "ResourceLogs": {"resource": "Resource", "scopeLogs": "[ScopeLogs]", "schemaUrl": "text"},
    "Resource": {"attributes": "[KeyValue]", "droppedAttributesCount": "uint32"},
    "ScopeLogs": {"scope": "InstrumentationScope", "logRecords": "[LogRecord]", "schemaUrl": "text"},
    "InstrumentationScope": {
        "name": "text",
        "version": "text",
        "attributes": "[KeyValue]",
        "droppedAttributesCount": "uint32",
    },
    "LogRecord": {
        "timeUnixNano": "fixed64",
        "observedTimeUnixNano": "fixed64",
        "severityNumber": "severity",
        "severityText": "text",
        "body": "AnyValue",
        "attributes": "[KeyValue]",
        "droppedAttributesCount": "uint32",
        "flags": "uint32",
        "traceId": "hex32",
        "spanId": "hex16",
        "eventName": "text",
    },
    "KeyValue": {"key": "text", "value": "AnyValue"},
    "AnyValue": {
        "stringValue": "text",
        "boolValue": "bool",
        "intValue": "int64",
        "doubleValue": "double",
        "arrayValue": "ArrayValue",
        "kvlistValue": "KeyValueList",
        "bytesValue": "base64",
    },
    "ArrayValue": {"values": "[AnyValue]"},
    "KeyValueList": {"values": "[KeyValue]"},
}


class Checked(msgspec.Struct, frozen=True):
    """What a request held: its records in order, and what was wrong around them."""

    found: tuple[Found, ...]
    problems: tuple[Problem, ...]

    @property
    def everything(self) -> Iterator[Problem]:
        """Yield every problem, those of records too."""
        yield from self.problems
        for one in self.found:
            yield from one.problems


def check(document: object) -> Checked:
    """Check a request in its JSON form against every documented rule."""
    problems = tuple(_message("", document, "ExportLogsServiceRequest"))
    if any(one.refused for one in problems) or not isinstance(document, dict):
        return Checked((), problems)
    found: list[Found] = []
    inside = re.compile(r".*\.logRecords\[\d+\]")
    for where, host, record in _records(document):
        own = [one for one in problems if one.where.startswith(f"{where}.")]
        found.append(_found(host, record, (*own, *_of_record(where, record))))
    around = [one for one in problems if not inside.match(one.where)]
    return Checked(tuple(found), (*around, *_of_resources(document)))


def _message(where: str, value: object, name: str, levels: int = _MOST_LEVELS) -> Iterator[Problem]:
    """Yield where a value is not the message of this name."""
    if not isinstance(value, dict):
        yield Problem(where, f"is no {name}: an object is expected", refused=True)
        return
    if not levels:
        yield Problem(where, f"lies deeper than {_MOST_LEVELS} messages", refused=True)
        return
    fields = _MESSAGES[name]
    for key, inner in value.items():
        place = f"{where}.{key}".lstrip(".")
        kind = fields.get(key)
        if kind is None:
            yield Problem(
                place, f"is no field of {name}, and is passed over{_hint(key, fields)}", refused=False
            )
        elif inner is not None:
            yield from _field(place, inner, kind, levels)
    if name == "AnyValue" and len(value) > 1:
        yield Problem(where, "has more than one value", refused=True)


def _field(where: str, value: object, kind: str, levels: int) -> Iterator[Problem]:
    if kind.startswith("["):
        if not isinstance(value, list):
            yield Problem(where, "is no list", refused=True)
            return
        for at, one in enumerate(value):
            yield from _message(f"{where}[{at}]", one, kind.strip("[]"), levels - 1)
        if kind == "[KeyValue]":
            yield from _keys(where, value)
    elif kind in _MESSAGES:
        yield from _message(where, value, kind, levels - 1)
    else:
        yield from _scalar(where, value, kind)


def _scalar(where: str, value: object, kind: str) -> Iterator[Problem]:
    if kind == "double":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number and str(value) not in {"NaN", "Infinity", "-Infinity"}:
            yield Problem(where, "is no number", refused=True)
    elif kind in _RANGES:
        yield from _number(where, value, kind)
    else:
        expected, pattern, words = _SCALARS[kind]
        if not isinstance(value, expected) or (
            pattern and isinstance(value, str) and not pattern.fullmatch(value)
        ):
            yield Problem(where, f"is not {words}", refused=True)


def _number(where: str, value: object, kind: str) -> Iterator[Problem]:
    """Numbers of 64 bits are texts, shorter ones and enumerations are numbers."""
    first, last = _RANGES[kind]
    is_text = isinstance(value, str)
    try:
        number = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or (is_text and kind == "severity"):
        yield Problem(where, "is no whole number", refused=True)
    elif not first <= number <= last:
        yield Problem(where, f"lies outside {first} to {last}", refused=True)
    elif kind.endswith("64") and not is_text:
        yield Problem(where, "is a number of 64 bits, which JSON writes as a text", refused=False)


def _keys(where: str, values: list[Any]) -> Iterator[Problem]:
    keys = [one.get("key") for one in values if isinstance(one, dict)]
    if where.endswith("attributes") and not all(keys):
        yield Problem(where, "holds a key that is missing or empty", refused=True)
    for key in sorted({str(key) for key in keys if keys.count(key) > 1}):
        yield Problem(where, f"holds the key '{key}' more than once", refused=True)


def _records(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield place, host and record of each, in order."""
    for at, resource in enumerate(document.get("resourceLogs") or ()):
        host = _texts((resource.get("resource") or {}).get("attributes")).get("host.name", "")
        for below, scope in enumerate(resource.get("scopeLogs") or ()):
            for index, record in enumerate(scope.get("logRecords") or ()):
                yield f"resourceLogs[{at}].scopeLogs[{below}].logRecords[{index}]", host, record


def _of_record(where: str, record: Mapping[str, Any]) -> Iterator[Problem]:
    if not any(str(record.get(key) or "0") != "0" for key in ("timeUnixNano", "observedTimeUnixNano")):
        yield Problem(where, "has neither the time when it happened nor when it was observed", refused=False)
    if not record.get("eventName"):
        yield Problem(where, "has no eventName: it is a line of a log, and no event", refused=False)


def _of_resources(document: Mapping[str, Any]) -> Iterator[Problem]:
    for at, resource in enumerate(document.get("resourceLogs") or ()):
        if "service.name" not in _texts((resource.get("resource") or {}).get("attributes")):
            yield Problem(f"resourceLogs[{at}].resource", "has no service.name", refused=False)


def _found(host: str, record: Mapping[str, Any], problems: tuple[Problem, ...]) -> Found:
    attributes = _texts(record.get("attributes"))
    return Found(
        name="log",
        event=record,
        problems=problems,
        identifier=attributes.get("source_identifier", ""),
        event_type=str(record.get("eventName") or ""),
        title=attributes.get("title", ""),
        hostname=host,
    )


def _texts(attributes: Any) -> dict[str, str]:
    """Return the attributes that are texts."""
    pairs = ((one.get("key"), (one.get("value") or {}).get("stringValue")) for one in attributes or ())
    return {str(key): text for key, text in pairs if isinstance(text, str)}


def _hint(key: str, fields: Mapping[str, str]) -> str:
    """Say what was likely meant by a name in the style of .proto files."""
    first, *rest = key.split("_")
    meant = first + "".join(word.capitalize() for word in rest)
    return f": write {meant}" if meant != key and meant in fields else ""
