"""Events as log records of OTLP, in its JSON form. Pure; it decides nothing of how they are sent.

A record's attributes are the event's data and tags under their own keys, and what else the event has below `sts.`.
Two of one name would be no valid record, so the later one gets the prefix of where it comes from (`data.title`):
nothing is dropped. Facts: OpenTelemetry, "Logs Data Model" and opentelemetry-proto, logs/v1.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import msgspec

from agent.delivery.outgoing import Outgoing, OutgoingEvent
from agent.events import stored_event
from agent.events.stored_event import StoredContext, StoredEvent
from agent.systems.otlp.values import JsonValue, any_value, key_values, text
from collectors.event import Category

SERVICE = "sts-agent"
INFO, ERROR = 9, 17
"""Numbers of severity, as the data model has them."""

_SECOND_NANOSECONDS = 10**9
_LAST_TIME = 2**64 - 1
"""In nanoseconds: what the field holds."""


def export_request(outgoing: Outgoing, machine_id: str) -> JsonValue:
    """Return the `ExportLogsServiceRequest`: records in their order, events of one host under one resource.

    `machine_id` is this host's, empty where it has none; what was posted for another host does not get it.
    """
    records = [_record(event, outgoing.hostname) for event in outgoing.events()]
    return {
        "resourceLogs": [
            {
                "resource": _resource(host, machine_id if host == outgoing.hostname else ""),
                "scopeLogs": [{"scope": {"name": SERVICE}, "logRecords": [record for _, record in some]}],
            }
            for host, some in groupby(records, key=lambda pair: pair[0])
        ]
    }


def _resource(host: str, machine_id: str) -> JsonValue:
    named = {"service.name": SERVICE, "host.name": host, "host.id": machine_id}
    return {"attributes": key_values({key: value for key, value in named.items() if value})}


def _record(outgoing: OutgoingEvent, hostname: str) -> tuple[str, JsonValue]:
    """Return the host that an event is of, and its record."""
    event, rest = _read(outgoing.body)
    context = event.context or StoredContext()
    is_alert = context.category == Category.ALERTS
    happened = max(event.timestamp or 0, 0) * _SECOND_NANOSECONDS
    record: JsonValue = {
        "timeUnixNano": str(min(happened, _LAST_TIME)),
        "observedTimeUnixNano": str(int(outgoing.captured * 1_000_000) * 1000),
        "severityNumber": ERROR if is_alert else INFO,
        "severityText": "ERROR" if is_alert else "INFO",
        "body": any_value(event.text or ""),
        "attributes": key_values(_attributes(outgoing.name, event, context, rest)),
        "eventName": text(event.event_type or outgoing.name),
    }
    return event.host or hostname, record


def _read(body: bytes) -> tuple[StoredEvent, Mapping[str, Any]]:
    """Return the event and the fields that have no place in it; of bytes that are none, the bytes as its text."""
    try:
        whole = msgspec.json.decode(body)
        event = msgspec.convert(whole, StoredEvent)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = stored_event.read(body)
        return found or StoredEvent(text=body.decode(errors="replace")), {}
    return event, stored_event.unread_fields(whole)


def _attributes(
    name: str, event: StoredEvent, context: StoredContext, rest: Mapping[str, Any]
) -> Mapping[str, Any]:
    links = msgspec.to_builtins(context.source_links or ())
    own = {
        "name": name,
        "source_type_name": event.source_type if event.source_type != name else None,
        "category": context.category,
        "source": context.source,
        "element_identifiers": context.element_identifiers or None,
        "source_links": links or None,
    }
    found: dict[str, Any] = {}
    _put(found, "event", {"title": event.title, "source_identifier": context.source_identifier})
    _put(found, "data", context.data or {})
    _put(found, "tag", _by_key(event.tags or ()))
    _put(found, "sts", {f"sts.{key}": value for key, value in (own | dict(rest)).items()})
    return found


def _put(found: dict[str, Any], prefix: str, values: Mapping[str, Any]) -> None:
    """Add what is no null, each under a name that is not taken yet."""
    for key, value in values.items():
        if value is not None:
            free = key
            while not free or free in found:
                free = f"{prefix}.{free}"
            found[free] = value


def _by_key(tags: Iterable[str]) -> dict[str, Any]:
    """Return the tags' values by key, several of one key as a list."""
    values: dict[str, list[str]] = {}
    for tag in tags:
        key, _, value = tag.partition(":")
        values.setdefault(key, []).append(value)
    return {key: some[0] if len(some) == 1 else some for key, some in values.items()}
