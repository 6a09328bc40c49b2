"""The events API as local programs post to it: versions 1 and 2, one event a request.

See `agent.intake.dialect` for the contract. What is posted is kept whole, so that it goes out to Dynatrace as
it came. Facts: Dynatrace, "Events API - POST an event", "Events API v2 - POST an event".
"""

import re
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from agent.events.completion import EventTooLarge, complete
from agent.events.identity import Identity
from agent.events.portable import NotPortable, check_portable
from agent.http import Request, Response
from agent.intake.dialect import Parsed, Problem, Route, WrongToken, bad_request
from agent.systems.dynatrace.check import Violation, violations, without_nulls
from agent.systems.dynatrace.from_desk import NAME, to_stored
from agent.systems.dynatrace.rules import V1, V2
from agent.systems.dynatrace.stored_ids import result
from collectors.event import EventError

_ENVIRONMENT = r"(?:/e/[^/]+)?"
_V1 = re.compile(rf"{_ENVIRONMENT}{V1.path}/?")
_V2 = re.compile(rf"{_ENVIRONMENT}{V2.path}/?")
_TOKEN = re.compile(r"\s*api-token\s+(?P<token>\S+)\s*", re.IGNORECASE)


class _Violated(Problem):
    """A message that breaks rules of the API."""

    def __init__(self, found: Sequence[Violation]) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, " ".join(one.message for one in found), found[0].path)
        self.found = found


class DynatraceDialect:
    """Takes what an environment's events API takes."""

    name = NAME

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.routes = (Route("POST", _V1), Route("POST", _V2))

    def token_of(self, request: Request) -> str | None:
        """Return the token of `Authorization: Api-Token`, the scheme in any case."""
        found = _TOKEN.fullmatch(request.header("authorization"))
        return found["token"] if found else None

    def parse(self, request: Request, identity: Identity) -> Parsed:
        """Return the one event of the body; raises `Problem`."""
        version = V2 if _V2.fullmatch(request.path) else V1
        message = _message(request.body)
        if found := list(violations(message, version)):
            raise _Violated(found)
        now_ms = int(self._now() * 1000)
        event = to_stored(message, version, identity, now_ms)
        try:
            captured = complete(NAME, msgspec.json.encode(event), identity, now=self._now)
        except EventTooLarge as error:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from None
        except (EventError, msgspec.MsgspecError) as error:
            raise bad_request(str(error)) from None
        return Parsed(identity, [captured], note=(version, result(event, message, version, now_ms)))

    def kept(self, parsed: Parsed) -> Response:
        """Return the ids that stand for the event."""
        version, stored = parsed.note
        return Response(HTTPStatus.CREATED if version is V2 else HTTPStatus.OK, msgspec.json.encode(stored))

    def refused(self, problem: Problem) -> Response:
        """Return the error as the API words it; a token that is none is always its 401."""
        status = HTTPStatus.UNAUTHORIZED if isinstance(problem, WrongToken) else problem.status
        error: dict[str, Any] = {"code": int(status), "message": str(problem)}
        if isinstance(problem, _Violated):
            error["message"] = problem.message
            error["constraintViolations"] = [
                {
                    "path": one.path,
                    "message": one.message,
                    "parameterLocation": "PAYLOAD_BODY",
                    "location": None,
                }
                for one in problem.found
            ]
        return Response(status, msgspec.json.encode({"error": error}))


def _message(body: bytes) -> dict[str, Any]:
    """Return the body as a message without nulls; raises `Problem`."""
    try:
        check_portable(body)
        posted = msgspec.json.decode(body)
    except NotPortable as error:
        raise bad_request(error.message, error.place) from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise bad_request(f"this is no JSON: {error}") from None
    if not isinstance(posted, dict):
        raise bad_request("this is no JSON object")
    message: dict[str, Any] = without_nulls(posted)
    return message
