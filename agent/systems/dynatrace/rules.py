"""The events API's rules as data: the types of events, what each requires, how old one may be. Pure.

The intake, the destination, the stand-in and `event send` all read this one table. Facts: Dynatrace, "Events API -
POST an event" (its "Parameters mapping", cell by cell) and "Events API v2 - POST an event".
"""

from collections.abc import Mapping
from typing import Any

import msgspec

MINUTE_MS = 60_000
INFORMATION_AGE_MS = 30 * 24 * 60 * MINUTE_MS
"""An information-only event may be reported so far into the past."""

MAX_TIMEOUT_MINUTES = 120
DEFAULT_TIMEOUT_MINUTES = 15
MAX_PROPERTIES = 100
MAX_PROPERTY_CHARACTERS = 4096
"""Of version 2: properties of one event, and characters of the value of one."""


class EventType(msgspec.Struct, frozen=True):
    """One type: what it requires besides `source`, what it takes besides; all else is not applicable, and ignored."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    opens_problem: bool = False


_PROBLEM = EventType(("description", "title"), opens_problem=True)

TYPES: Mapping[str, EventType] = {
    "AVAILABILITY_EVENT": _PROBLEM,
    "CUSTOM_ALERT": _PROBLEM,
    "CUSTOM_ANNOTATION": EventType(("annotationType", "annotationDescription"), ("description",)),
    "CUSTOM_CONFIGURATION": EventType(("description", "configuration"), ("original", "changed")),
    "CUSTOM_DEPLOYMENT": EventType(
        ("deploymentName", "deploymentVersion"), ("deploymentProject", "ciBackLink", "remediationAction")
    ),
    "CUSTOM_INFO": EventType(("description",), ("title",)),
    "ERROR_EVENT": _PROBLEM,
    "MARKED_FOR_TERMINATION": EventType(("description",), ("title", "ciBackLink")),
    "PERFORMANCE_EVENT": _PROBLEM,
    "RESOURCE_CONTENTION": _PROBLEM,
}
"""By the name that version 1 has for it."""

_RENAMED = {"RESOURCE_CONTENTION": "RESOURCE_CONTENTION_EVENT"}
_RENAMED_BACK = {new: old for old, new in _RENAMED.items()}


class Version(msgspec.Struct, frozen=True):
    """What one version of the API calls things, and how late it takes a problem."""

    name: str
    path: str
    start: str
    end: str
    timeout: str
    properties: str
    attach: str
    problem_age_ms: int


V1 = Version(
    "v1",
    "/api/v1/events",
    "start",
    "end",
    "timeoutMinutes",
    "customProperties",
    "attachRules",
    problem_age_ms=60 * MINUTE_MS,
)
V2 = Version(
    "v2",
    "/api/v2/events/ingest",
    "startTime",
    "endTime",
    "timeout",
    "properties",
    "entitySelector",
    problem_age_ms=6 * 60 * MINUTE_MS,
)
VERSIONS = {version.name: version for version in (V1, V2)}


def type_of(name: object, version: Version) -> EventType | None:
    """Return the type that a version calls so, or None when it knows none."""
    if not isinstance(name, str) or (version is V2 and name in _RENAMED):
        return None
    return TYPES.get(v1_name(name) if version is V2 else name)


def opens_problem(message: Mapping[str, Any], version: Version) -> bool:
    """Return whether a message opens a problem; one of a type that a version does not know opens none."""
    kind = type_of(message["eventType"], version)
    return kind is not None and kind.opens_problem


def v1_name(name: str) -> str:
    """Return what version 1 calls a type."""
    return _RENAMED_BACK.get(name, name)


def v2_name(name: str) -> str:
    """Return what version 2 calls a type."""
    return _RENAMED.get(name, name)
