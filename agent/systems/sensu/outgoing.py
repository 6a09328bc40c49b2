"""What a Sensu server gets: a result that came in as one, unchanged, or any other event as a check result. Pure.

The check is named by what the event is of, so that a unit that runs again resolves the check that its failure
opened; what is of nothing is named by its type, and nothing resolves it but a person.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.events.stored_event import StoredContext, StoredEvent
from agent.systems.sensu.result import as_name
from collectors.event import Category

_SUBJECTS = {"service": ("unit", ""), "process": ("name", "process-")}
"""By the event's name: the key of what it is of, and what the names of its checks begin with, as this host's API has it."""
CRITICAL, WELL = 2, 0


def unchanged(body: bytes, hostname: str, captured: float) -> bytes:
    """Return a result as it came, with `source` and `executed` where it has none; raises `msgspec.MsgspecError`."""
    result = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    if "source" in result and "executed" in result:
        return body
    missing = {"source": as_name(hostname), "executed": int(captured)}
    return msgspec.json.encode(missing | result)


def check_result(
    event: StoredEvent, name: str, hostname: str, captured: float, unread: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the check result of an event; `name` is the event's name in the spool, `captured` in seconds.

    `unread` are fields that have no place in a `StoredEvent`.
    """
    context = event.context or StoredContext()
    data = context.data or {}
    title, text = event.title or "", event.text or ""
    host = event.host or hostname
    rest = {
        "tags": event.tags,
        "data": data,
        "source_identifier": context.source_identifier,
        "element_identifiers": context.element_identifiers,
        "source_links": context.source_links,
        "event_name": name,
        "event_type": event.event_type,
        "category": context.category,
        "event_source": context.source,
        "source_type_name": event.source_type,
        "host": host if host != as_name(host) else None,
        "more": unread,
    }
    return {
        "name": _check_name(event, name, data),
        "source": as_name(host),
        "executed": int(captured) if event.timestamp is None else event.timestamp,
        "status": CRITICAL if context.category == Category.ALERTS else WELL,
        "output": f"{title}\n{text}" if text else title,
        **{key: value for key, value in rest.items() if value},
    }


def _check_name(event: StoredEvent, name: str, data: dict[str, Any]) -> str:
    key, begin = _SUBJECTS.get(name, ("", ""))
    subject = data.get(key)
    if isinstance(subject, str) and subject:
        return begin + as_name(subject)
    return as_name(event.event_type or name)
