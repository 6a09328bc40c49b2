"""Sematext's way of posting events to us: the token in the path, one object or several in the body.

See `agent.intake.dialect` for the contract. The content type does not matter: curl says form, logagent says
nothing. Facts: Sematext, "Events API", and its clients spm-metrics-js and logagent.
"""

import re
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import msgspec

from agent.events.chunk import Captured
from agent.events.completion import EventTooLarge, complete
from agent.events.identity import Identity
from agent.events.portable import NotPortable, check_portable
from agent.http import Request, Response
from agent.intake.dialect import Parsed, Problem, Route, bad_request
from agent.systems.sematext.mapping import NAME, NotAnEvent, to_stored
from collectors.event import EventError

_PATH = re.compile(r"/(?P<token>[^/]+)/(?P<type>[^/]+)/?")
_NO_TYPE = "event"
"""The last part of the path where the type stands in the body."""
_BETWEEN = re.compile(rb"\n[ \t\r]*\n")


class SematextDialect:
    """Takes what Sematext's event receiver takes."""

    name = NAME
    routes = (Route("POST", _PATH),)

    def token_of(self, request: Request) -> str | None:
        """Return the first part of the path."""
        found = _PATH.fullmatch(request.path)
        return unquote(found["token"]) if found else None

    def parse(self, request: Request, identity: Identity) -> Parsed:
        """Return the events of the body; raises `Problem`, which names the wrong one of several by its index."""
        found = _PATH.fullmatch(request.path)
        in_path = unquote(found["type"]) if found else _NO_TYPE
        path_type = "" if in_path == _NO_TYPE else in_path
        objects = _objects(request.body)
        if not objects:
            raise bad_request("the body holds no event")
        is_list = len(objects) > 1
        events = [
            self._event(posted, path_type, identity, f"[{index}]" if is_list else "")
            for index, posted in enumerate(objects)
        ]
        return Parsed(identity, events)

    def kept(self, parsed: Parsed) -> Response:  # noqa: ARG002 - nothing of them is in the answer
        """Return the success."""
        return Response(HTTPStatus.OK, b'{"message":"OK"}')

    def refused(self, problem: Problem) -> Response:
        """Return the error as the receiver words it: an object with `error`."""
        return Response(problem.status, msgspec.json.encode({"error": str(problem)}))

    def _event(self, posted: object, path_type: str, identity: Identity, place: str) -> Captured:
        if not isinstance(posted, dict):
            raise bad_request("this is no JSON object", place)
        try:
            event = to_stored(posted, path_type, int(time.time()))
            return complete(NAME, msgspec.json.encode(event), identity)
        except EventTooLarge as error:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error), place) from None
        except (NotAnEvent, EventError, msgspec.MsgspecError) as error:
            raise bad_request(str(error), place) from None


def _objects(body: bytes) -> list[Any]:
    """Return the objects of a body: one, a list of them, or several with empty lines between; raises `Problem`."""
    try:
        check_portable(body)
        return list(_decoded(body))
    except NotPortable as error:
        raise bad_request(error.message, error.place) from None
    except msgspec.DecodeError as error:
        raise bad_request(f"this is no JSON: {error}") from None


def _decoded(body: bytes) -> Iterator[Any]:
    try:
        whole = msgspec.json.decode(body)
    except msgspec.DecodeError:
        parts = [part for part in _BETWEEN.split(body) if part.strip()]
        if len(parts) < 2:  # noqa: PLR2004 - it is not several
            raise
        yield from map(msgspec.json.decode, parts)
        return
    if isinstance(whole, list):
        yield from whole
    else:
        yield whole
