"""What StackState documents of the common JSON object and of an event, as one pure check.

A problem is either `refused` (the receiver answers 400) or accepted with a consequence, as "shown
under Others". This module decides nothing about HTTP.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from agent.stand_in.verdict import Found, Problem
from agent.systems.stackstate.stand_in_state import check_state
from collectors.event import FORBIDDEN_NAME_PREFIXES, AlertType, Category, Priority

MAX_EVENT_BYTES = 1024 * 1024
"""One event becomes one record of a message log, whose records end at 1 MiB."""

_LISTS = ("metrics", "service_checks", "topologies", "health")
_TEXTS = ("msg_title", "msg_text", "event_type", "source_type_name", "host", "aggregation_key")
_FIRST_MILLISECONDS = 100_000_000_000


class Checked(msgspec.Struct, frozen=True):
    """What a body held: its host, its events in order, and what was wrong with anything in it."""

    hostname: str
    events: tuple[Found, ...]
    problems: tuple[Problem, ...]
    of_state: tuple[Problem, ...] = ()
    """Those of the topologies and the health among them."""

    @property
    def refusal(self) -> str | None:
        """Return the text of the receiver's 400, or None when it accepts."""
        for problem in self.problems:
            if problem.refused:
                return refusal_text(problem.where, problem.rule)
        return None


def refusal_text(where: str, rule: str) -> str:
    """Return what the receiver says with a 400 (as captured; `where` is empty at the top level)."""
    return f"Failed to deserialize JSON on fields: {where}, with message: {rule}"


def check(body: bytes) -> Checked:
    """Check a decoded request body against every documented rule."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Checked("", (), (Problem("", f"Malformed JSON: {error}", refused=True),))
    if not isinstance(document, dict):
        return Checked("", (), (Problem("", "Expected an object", refused=True),))
    found = tuple(_found(document))
    of_state = tuple(check_state(document))
    problems = [*_top_level(document), *_names(document), *of_state]
    for one in found:
        problems.extend(one.problems)
    hostname = document.get("internalHostname")
    return Checked(hostname if isinstance(hostname, str) else "", found, tuple(problems), of_state)


def _top_level(document: dict[str, Any]) -> Iterator[Problem]:
    if "internalHostname" not in document:
        yield Problem("", "Object is missing required member 'internalHostname'", refused=True)
    elif not isinstance(document["internalHostname"], str) or not document["internalHostname"]:
        yield Problem("internalHostname", "Expected a host name", refused=True)
    timestamp = document.get("collection_timestamp", 0)
    if not _is_number(timestamp):
        yield Problem("collection_timestamp", "Expected a number of seconds", refused=True)
    elif timestamp >= _FIRST_MILLISECONDS:
        yield Problem("collection_timestamp", "Expected seconds, got milliseconds", refused=True)
    for key in _LISTS:
        if not isinstance(document.get(key, []), list):
            yield Problem(key, "Expected a list", refused=True)
    if not isinstance(document.get("events", {}), dict):
        yield Problem("events", "Expected an object of lists", refused=True)


def _names(document: dict[str, Any]) -> Iterator[Problem]:
    events = document.get("events")
    if not isinstance(events, dict):
        return
    for name, items in events.items():
        if not name:
            yield Problem("events", "An event's name is empty", refused=True)
        for prefix in FORBIDDEN_NAME_PREFIXES:
            if name.startswith(prefix):
                yield Problem(
                    f"events.{name}", f"An event's name must not start with '{prefix}'", refused=True
                )
        if not isinstance(items, list):
            yield Problem(f"events.{name}", "Expected a list of events", refused=True)
            continue
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                yield Problem(f"events.{name}({index})", "Expected an object", refused=True)


def _found(document: dict[str, Any]) -> Iterator[Found]:
    events = document.get("events")
    if not isinstance(events, dict):
        return
    for name, items in events.items():
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                yield _one(name, item, f"events.{name}({index})", str(document.get("internalHostname", "")))


def _one(name: str, event: dict[str, Any], where: str, hostname: str) -> Found:
    context = event.get("context")
    identifier = context.get("source_identifier") if isinstance(context, dict) else None
    texts = {key: value for key, value in event.items() if isinstance(value, str)}
    return Found(
        name,
        event,
        tuple(_event(where, event)),
        identifier=identifier if isinstance(identifier, str) else "",
        event_type=texts.get("event_type", ""),
        title=texts.get("msg_title", ""),
        hostname=hostname,
    )


def _event(where: str, event: dict[str, Any]) -> Iterator[Problem]:
    for key in ("msg_title", "msg_text"):
        if key not in event:
            yield Problem(where, f"Object is missing required member '{key}'", refused=True)
    for key in _TEXTS:
        if key in event and not isinstance(event[key], str):
            yield Problem(f"{where}.{key}", "Expected a string", refused=True)
    yield from _timestamp(f"{where}.timestamp", event.get("timestamp", 0))
    yield from _tags(f"{where}.tags", event.get("tags", []))
    if not _is_one_of(event.get("priority", Priority.NORMAL), Priority):
        yield Problem(f"{where}.priority", "Expected normal or low", refused=False)
    if not _is_one_of(event.get("alert_type", AlertType.INFO), AlertType):
        yield Problem(f"{where}.alert_type", "Expected error, warning, info or success", refused=False)
    if "context" in event:
        yield from _context(f"{where}.context", event["context"])
    else:
        yield Problem(where, "Without a context newer platforms do not show it", refused=False)
    if len(msgspec.json.encode(event)) > MAX_EVENT_BYTES:
        yield Problem(where, "Larger than a record of the message log", refused=True)


def _timestamp(where: str, timestamp: object) -> Iterator[Problem]:
    if isinstance(timestamp, bool) or not isinstance(timestamp, int):
        yield Problem(where, "Expected a whole number of seconds", refused=True)
    elif timestamp >= _FIRST_MILLISECONDS:
        yield Problem(where, "Expected seconds, got milliseconds", refused=True)
    elif timestamp < 0:
        yield Problem(where, "Expected seconds since 1970", refused=True)


def _tags(where: str, tags: object) -> Iterator[Problem]:
    if not isinstance(tags, list):
        yield Problem(where, "Expected a list", refused=True)
        return
    for tag in tags:
        if not isinstance(tag, str):
            yield Problem(where, "Expected a list of strings", refused=True)
        elif not tag.partition(":")[1] or tag.startswith(":"):
            yield Problem(where, f"The tag '{tag}' is not key:value", refused=False)


def _context(where: str, context: object) -> Iterator[Problem]:
    if not isinstance(context, dict):
        yield Problem(where, "Expected an object", refused=True)
        return
    for key in ("category", "source", "source_identifier"):
        if not isinstance(context.get(key, ""), str):
            yield Problem(f"{where}.{key}", "Expected a string", refused=True)
    if not _is_one_of(context.get("category"), Category):
        yield Problem(f"{where}.category", "Not a known category: it is shown under Others", refused=False)
    identifiers = context.get("element_identifiers", [])
    if not isinstance(identifiers, list) or not all(isinstance(one, str) for one in identifiers):
        yield Problem(f"{where}.element_identifiers", "Expected a list of strings", refused=True)
    elif not identifiers:
        yield Problem(f"{where}.element_identifiers", "Without an identifier it is not shown", refused=False)
    yield from _links(f"{where}.source_links", context.get("source_links", []))
    if not isinstance(context.get("data", {}), dict):
        yield Problem(f"{where}.data", "Expected an object", refused=True)


def _links(where: str, links: object) -> Iterator[Problem]:
    if not isinstance(links, list):
        yield Problem(where, "Expected a list", refused=True)
        return
    for index, link in enumerate(links):
        if not isinstance(link, dict) or not all(isinstance(link.get(key), str) for key in ("title", "url")):
            yield Problem(f"{where}({index})", "Expected an object with title and url", refused=True)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_one_of(value: object, words: type[StrEnum]) -> bool:
    return isinstance(value, str) and value in set(words)
