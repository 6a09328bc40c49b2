"""A check result as local programs send it: read and checked, or refused with the place of what is wrong.

Never keeps anything. Facts: Sensu Core's client, which takes one object or a list of them, fills
`executed`, and keeps every key that it does not know.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from agent.events.portable import NotPortable, check_portable
from agent.intake.dialect import Problem, bad_request
from collectors.event import MAX_EVENT_BYTES, EventError, check_timestamp

NAME = "sensu"
"""The event name of what came in as Sensu, and its source."""
RESULT_KIND = "sensu/result"
"""The kind of record that holds results as they came, for destinations that are Sensu themselves."""
EVENT_TYPE = "SensuEvent"
"""Of what is told of a check."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_WORDS = {0: "OK", 1: "WARNING", 2: "CRITICAL"}
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1

Result = dict[str, Any]


class NotJson(Problem):
    """A body that cannot be read as JSON at all."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, message, place)


def is_name(text: object) -> bool:
    """Return whether Sensu takes it as the name of a check or a client."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def as_name(text: str) -> str:
    """Return it with everything replaced that Sensu takes in no name."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text) or "-"


def word_of(status: int) -> str:
    """Return what Sensu calls a status."""
    return _WORDS.get(status, "UNKNOWN")


def told_of(action: str, status: int) -> str:
    """Return what an event says of its check."""
    return {"resolve": "is resolved", "flapping": "is flapping"}.get(action, f"is {word_of(status)}")


def read_results(body: bytes) -> list[Result]:
    """Return the results of a body, each checked and completed with `executed`; raises `Problem`.

    A `status` that is absent stays so: it means 0. Of several the wrong one is named by its index, from 0.
    """
    posted = read_json(body)
    if isinstance(posted, list):
        if not posted:
            raise bad_request("the list holds no check result")
        return [checked(one, f"[{index}]") for index, one in enumerate(posted)]
    return [checked(posted)]


def read_json(body: bytes) -> Any:
    """Return the value of a body; raises `NotJson`, also for what other readers of JSON cannot take."""
    try:
        check_portable(body)
        return msgspec.json.decode(body)
    except NotPortable as error:
        raise NotJson(error.message, error.place) from None
    except msgspec.DecodeError as error:
        raise NotJson(f"this is no JSON: {error}") from None


def checked(posted: object, place: str = "") -> Result:
    """Return a result without its nulls, completed with `executed`; raises `Problem` for what Sensu does not take."""
    if not isinstance(posted, dict):
        raise bad_request("a check result is a JSON object", place)
    result = without_nulls(posted)
    for problem in _problems(result):
        raise bad_request(problem, place)
    result.setdefault("executed", int(time.time()))
    size = len(msgspec.json.encode(result))
    if size > MAX_EVENT_BYTES:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the result is larger than {MAX_EVENT_BYTES} bytes: {size}",
            place,
        )
    return result


def without_nulls(fields: Mapping[str, Any]) -> Result:
    """Return the fields that are not null, which is the same as absent."""
    return {key: value for key, value in fields.items() if value is not None}


def _problems(result: Result) -> Iterator[str]:
    if not is_name(result.get("name")):
        yield "`name` must be a text of letters, digits, `.`, `_` and `-`"
    if not isinstance(result.get("output"), str):
        yield "`output` must be a text"
    if not _is_integer(result.get("status", 0)) or not _SMALLEST <= result.get("status", 0) <= _LARGEST:
        yield "`status` must be a whole number"
    if "source" in result and not is_name(result["source"]):
        yield "`source` must be a text of letters, digits, `.`, `_` and `-`"
    for key in ("executed", "issued"):
        yield from _time_problems(key, result.get(key, 0))


def _time_problems(key: str, value: object) -> Sequence[str]:
    if not _is_integer(value):
        return [f"`{key}` must be a whole number"]
    try:
        check_timestamp(value)
    except EventError as error:
        return [f"`{key}`: {error}"]
    return []


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
