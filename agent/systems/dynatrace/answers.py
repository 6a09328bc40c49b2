"""What an answer of the events API means for the one event of its request. Pure.

A success says how much was stored, and nothing stored is none: the entity may not be known there yet, as of a
host that was just installed. What is looked for are fixed words, in the answer as it came: what a short token masks must not
make a success of it. Facts: Dynatrace, "Events API - POST an event", "Events API v2 - POST an event".
"""

import re
from collections.abc import Callable

from agent.delivery.outcome import Outcome, Refused
from agent.http.result import Answered, HttpResult
from agent.systems.dynatrace.rules import V2, Version
from agent.systems.http_outcome import describe, is_success, outcome_of

PATIENCE_SECONDS = 15 * 60.0
"""So long an entity that is not known yet is waited for."""

_NO_ENTITY = b"no entity ids match"
_COUNT = re.compile(rb'"reportCount"\s*:\s*(\d+)')
_STATUS = re.compile(rb'"status"\s*:\s*"(\w+)"')
_NO_IDS = re.compile(rb'"(?:storedEventIds|storedIds|storedCorrelationIds)"\s*:\s*\[\s*\]')
_ALL_LISTS = 3


def meaning(result: HttpResult, version: Version, wall: Callable[[], float]) -> Outcome:
    """Return what became of the event."""
    if not isinstance(result, Answered):
        return outcome_of(result)
    if is_success(result):
        return _of_success(result, version, wall)
    if 400 <= result.status < 500 and _NO_ENTITY in result.content.lower():  # noqa: PLR2004 - the class
        return _not_yet(result, wall)
    return outcome_of(result)


def _of_success(result: Answered, version: Version, wall: Callable[[], float]) -> Outcome:
    if version is not V2:
        stored_nothing = len(_NO_IDS.findall(result.content)) == _ALL_LISTS
        return _not_yet(result, wall) if stored_nothing else outcome_of(result)
    statuses = _STATUS.findall(result.content)
    wrong = next((status for status in statuses if status.startswith(b"INVALID")), None)
    if wrong and b"OK" not in statuses:
        return Refused(f"{describe(result)}: {wrong.decode()}", result.status, is_verdict=True)
    count = _COUNT.search(result.content)
    if count and not int(count[1]):
        return _not_yet(result, wall)
    return outcome_of(result)


def _not_yet(result: Answered, wall: Callable[[], float]) -> Refused:
    reason = f"{describe(result)}: no entity is known there that it is attached to"
    return Refused(reason, result.status, retry_until=wall() + PATIENCE_SECONDS)
