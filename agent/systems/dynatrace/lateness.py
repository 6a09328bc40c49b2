"""What becomes of a message that is too late for its type. Pure.

A problem that is too old is no problem any more for the other side, but an information: it goes as one, with
its own type and time as properties. An information that is too old is taken by nobody.
"""

from collections.abc import Mapping
from typing import Any

from agent.systems.dynatrace.properties import as_texts
from agent.systems.dynatrace.rules import INFORMATION_AGE_MS, V1, Version, opens_problem

ORIGINAL_TYPE = "original_event_type"
ORIGINAL_TIME = "original_start"

_ON_THE_WAY_MS = 10_000
"""So long a message may take to get there."""


def is_too_old(message: Mapping[str, Any], version: Version, now_ms: int) -> bool:
    """Return whether no type of event may have happened so long ago."""
    return bool(now_ms + _ON_THE_WAY_MS - message[version.start] > INFORMATION_AGE_MS)


def is_late_problem(message: Mapping[str, Any], version: Version, now_ms: int) -> bool:
    """Return whether it opens a problem, and began too long ago for that."""
    age_ms = now_ms + _ON_THE_WAY_MS - message[version.start]
    return opens_problem(message, version) and age_ms > version.problem_age_ms


def as_information(message: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Return a problem as an information of the same time; what does not apply to it any more is a property."""
    start = message[version.start]
    kept = {"title", version.attach, "source", "description"}
    fields = {key: value for key, value in message.items() if key in kept}
    gone = {
        key: value for key, value in message.items() if key not in kept | {"eventType", version.properties}
    }
    gone.pop(version.start)
    properties = {
        **as_texts(gone if version is V1 else {}),
        **as_texts(message.get(version.properties) or {}),
        ORIGINAL_TYPE: str(message["eventType"]),
        ORIGINAL_TIME: str(start),
    }
    times = {version.start: start, version.end: start}
    return {"eventType": "CUSTOM_INFO", **fields, **times, version.properties: properties}
