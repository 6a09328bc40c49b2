"""What Sensu asks of one check result, and what it takes and makes less of than was meant. Pure."""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from agent.stand_in.verdict import Problem

_NAME = re.compile(r"[\w.-]+", re.ASCII)
_FIRST_MILLISECOND = 100_000_000_000
_AHEAD_SECONDS = 86_400
_LARGEST_STATUS = 255
_LISTS = ("handlers", "subscribers", "aggregates", "dependencies")
_NUMBERS = ("ttl", "interval", "timeout", "low_flap_threshold", "high_flap_threshold")


def problems(result: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield every rule that a result breaks."""
    yield from _required(result)
    yield from _time(result.get("executed"))
    if "source" not in result:
        yield Problem("source", "is missing: the result counts as the server's own", refused=False)
    for key, value in result.items():
        if value is None:
            yield Problem(key, "is null, which is the same as absent", refused=False)
        elif key in _LISTS and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            yield Problem(key, "is no list of texts", refused=True)
        elif key in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            yield Problem(key, "is no number", refused=True)


def _required(result: Mapping[str, Any]) -> Iterator[Problem]:
    for key in ("name", "source"):
        value = result.get(key)
        if key == "source" and value is None:
            continue
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            yield Problem(key, "is no text of letters, digits, `.`, `_` and `-`", refused=True)
    output, status = result.get("output"), result.get("status", 0)
    if not isinstance(output, str):
        yield Problem("output", "is no text", refused=True)
    elif not output.strip():
        yield Problem("output", "is empty: an event of it would say nothing", refused=False)
    if isinstance(status, bool) or not isinstance(status, int):
        yield Problem("status", "is no whole number", refused=True)
    elif not 0 <= status <= _LARGEST_STATUS:
        yield Problem("status", "is no exit status: 0 to 255", refused=False)


def _time(executed: object) -> Iterator[Problem]:
    if executed is None:
        yield Problem("executed", "is missing: the result counts as of now", refused=False)
    elif isinstance(executed, bool) or not isinstance(executed, int):
        yield Problem("executed", "is no whole number of seconds", refused=True)
    elif executed >= _FIRST_MILLISECOND:
        yield Problem("executed", "is in milliseconds, must be in seconds", refused=False)
    elif executed > time.time() + _AHEAD_SECONDS:
        yield Problem("executed", "lies in the future", refused=False)
