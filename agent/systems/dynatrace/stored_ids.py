"""What the events API answers for a stored event: ids made from the event's own identifier, so that they lead to it. Pure."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agent.events.stored_event import StoredEvent
from agent.systems.dynatrace.from_desk import start_of
from agent.systems.dynatrace.rules import V2, Version, opens_problem

_BITS = 64


def result(event: StoredEvent, message: Mapping[str, Any], version: Version, now_ms: int) -> dict[str, Any]:
    """Return the body of the success: an information has event ids, a problem a correlation id."""
    identifier = UUID((event.context and event.context.source_identifier) or "")
    if version is V2:
        report = {"correlationId": identifier.hex[:16], "status": "OK"}
        return {"reportCount": 1, "eventIngestResults": [report]}
    number = _signed(identifier.int)
    stored = f"{number}_{start_of(message, version, now_ms)}"
    if opens_problem(message, version):
        return {"storedEventIds": [], "storedIds": [], "storedCorrelationIds": [stored]}
    return {"storedEventIds": [number], "storedIds": [stored], "storedCorrelationIds": []}


def _signed(value: int) -> int:
    """Return the last 64 bits as a signed integer, as the API's ids are."""
    return int.from_bytes(value.to_bytes(_BITS // 4)[-_BITS // 8 :], signed=True)
