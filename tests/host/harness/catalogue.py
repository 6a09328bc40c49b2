"""The catalogue of events in docs/events.md, and how an event that arrived departs from it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[3] / "docs/events.md"

_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| (\w+) \| .+ \| (.+) \|$", re.MULTILINE)
_SECTION = re.compile(r"^### `(\w+)`: (.+)\n((?:(?!#).*\n)*)", re.MULTILINE)
_ORIGIN = re.compile(r"^### Origin\n((?:(?!#).*\n)*)", re.MULTILINE)
_EVENT = re.compile(r"`(\w+)` `(\w+Event)`")
_KEY = re.compile(r"^\| `(\w+)` \| .* \| ([^|]+) \|$", re.MULTILINE)

Name = tuple[str, str]
"""An event's name and its type."""


@dataclass(frozen=True)
class Entry:
    """What the catalogue says of one event: its category, the tests that show it, and when each key is there."""

    category: str
    tests: tuple[str, ...]


def entries() -> dict[Name, Entry]:
    """Return the rows of the first table."""
    return {
        (name, event_type): Entry(category, tuple(re.findall(r"`([\w/.:]+)`", tests)))
        for name, event_type, category, tests in _ROW.findall(PAGE.read_text())
    }


def keys() -> dict[Name, dict[str, str]]:
    """Return, for each event, the keys of its data and when each is there, as the last column says."""
    page = PAGE.read_text()
    found = {
        (name, event_type): dict(_KEY.findall(table))
        for name, types, table in _SECTION.findall(page)
        for event_type in re.findall(r"`(\w+)`", types)
    }
    [origin] = _ORIGIN.findall(page)
    for event in _EVENT.findall(origin):
        found[event] |= _KEY.findall(origin)
    return found


def departures(events: list[dict[str, Any]]) -> list[str]:
    """Return what the catalogue does not say, or says otherwise, of the agent's own events among these."""
    known, documented = entries(), keys()
    own = {name for name, _ in known}
    return sorted(
        {
            f"{event['event_type']}: {problem} (docs/events.md)"
            for event in events
            if event["source_type_name"] in own and event["context"].get("source") == "sts-agent"
            for problem in _problems(event, known, documented)
        }
    )


def _problems(
    event: dict[str, Any], known: dict[Name, Entry], documented: dict[Name, dict[str, str]]
) -> Iterator[str]:
    name, data = (event["source_type_name"], event["event_type"]), event["context"]["data"]
    if name not in known:
        yield "is not in the catalogue"
        return
    if event["context"]["category"] != known[name].category:
        yield f"its category is {event['context']['category']}"
    there = documented[name]
    yield from (f"data.{key} is not explained" for key in data.keys() - there.keys())
    yield from (f"data.{key} is missing" for key in there.keys() - data.keys() if there[key] == "always")
