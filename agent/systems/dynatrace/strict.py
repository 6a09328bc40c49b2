"""What the documentation says of a message beyond what the intake asks of local programs: for the stand-in. Pure.

The intake is lenient where clients are known to differ, and takes values that a newer platform may know. What
the agent itself sends is held to the letter.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.systems.dynatrace.check import Violation
from agent.systems.dynatrace.entities import CONTEXTS, ENTITY_TYPES
from agent.systems.dynatrace.rules import (
    INFORMATION_AGE_MS,
    MAX_PROPERTIES,
    MAX_PROPERTY_CHARACTERS,
    V1,
    V2,
    Version,
    opens_problem,
)
from agent.systems.dynatrace.selector import rules_of


def strict(message: Mapping[str, Any], version: Version) -> Iterator[Violation]:
    """Yield what is wrong with a message that `check.violations` found nothing wrong with."""
    yield from _attached(message) if version is V1 else _selected(message)
    properties = message.get(version.properties, {})
    for key, value in properties.items():
        if isinstance(value, dict | list):
            yield Violation(f"{version.properties}.{key}", "A property is a key and a value.")
    if version is V2:
        yield from _limits(properties)


def age(message: Mapping[str, Any], version: Version, now_ms: int) -> Iterator[Violation]:
    """Yield that an event is too old for its type."""
    is_problem = opens_problem(message, version)
    limit_ms = version.problem_age_ms if is_problem else INFORMATION_AGE_MS
    start, end = message.get(version.start, now_ms), message.get(version.end, now_ms)
    if now_ms - start > limit_ms:
        yield Violation(version.start, f"The event is more than {limit_ms // 60_000} minutes old.")
    if not is_problem and end < start:
        yield Violation(version.end, f"The property '{version.end}' lies before '{version.start}'.")


def _attached(message: Mapping[str, Any]) -> Iterator[Violation]:
    rules = message.get(V1.attach)
    if not rules:
        yield Violation(V1.attach, "At least one entity ID or tag is required.")
        return
    for at, rule in enumerate(rules.get("tagRule", [])):
        where = f"{V1.attach}.tagRule[{at}]"
        for kind in rule["meTypes"]:
            if kind not in ENTITY_TYPES:
                yield Violation(f"{where}.meTypes", f"'{kind}' is no type of entity.")
        for tag in rule["tags"]:
            if isinstance(tag, dict) and tag.get("context") not in CONTEXTS:
                yield Violation(f"{where}.tags", f"'{tag.get('context')}' is no context of a tag.")


def _selected(message: Mapping[str, Any]) -> Iterator[Violation]:
    selector = message.get(V2.attach)
    if not selector or rules_of(selector) is None:
        yield Violation(V2.attach, "The entitySelector selects no entities.")


def _limits(properties: Mapping[str, Any]) -> Iterator[Violation]:
    if len(properties) > MAX_PROPERTIES:
        yield Violation(V2.properties, f"There are more than {MAX_PROPERTIES} properties.")
    for key, value in properties.items():
        if isinstance(value, str) and len(value) > MAX_PROPERTY_CHARACTERS:
            yield Violation(f"{V2.properties}.{key}", f"It is longer than {MAX_PROPERTY_CHARACTERS}.")
