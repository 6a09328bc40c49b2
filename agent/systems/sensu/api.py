"""The HTTP API of a Sensu Core server: paths, verbs, headers and pages; what is behind a path is in tables beside it.

It never answers with success what is not on disk, and bodies of its refusals are empty.
"""

import logging
import re
import uuid
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from agent.http.message import Refusal, Request, Response
from agent.intake.dialect import Problem
from agent.intake.odd import Odd
from agent.systems.sensu import api_events, api_looks, api_stashes
from agent.systems.sensu.api_route import Page, Route
from agent.systems.sensu.registry import Registry
from agent.systems.sensu.result import NotJson

log = logging.getLogger(__name__)

_ACCESS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Headers", "Origin, X-Requested-With, Content-Type, Accept, Authorization"),
)
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_IMPLIED = {"GET": "GET, HEAD"}


class Api:
    """Answers requests; any thread may call it."""

    def __init__(self, registry: Registry, odd: Odd) -> None:
        self._odd = odd
        self._routes: Sequence[Route] = (
            *api_events.routes(registry),
            *api_looks.routes(registry),
            *api_stashes.routes(registry),
        )

    def answer(self, request: Request) -> Response:
        """Return the answer; never raises for what is in the request."""
        return _with_headers(self._answer(request), request)

    def refuse(self, refusal: Refusal) -> Response:
        """Return what the server refuses by itself, as a foreign Host."""
        return _with_headers(Response(refusal.status), refusal.request)

    def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(HTTPStatus.OK)
        path = "/" + unquote(request.path).lstrip("/")  # a client of it asks for //stash/…
        found = [(route, match) for route in self._routes if (match := route.path.fullmatch(path))]
        if not found:
            return Response(HTTPStatus.NOT_FOUND)
        for route, match in found:
            if route.method == request.method:
                return self._called(route, request, match)
        return _not_allowed([route.method for route, _ in found])

    def _called(self, route: Route, request: Request, match: re.Match[str]) -> Response:
        try:
            answer = route.answer(request, **match.groupdict())
        except Problem as problem:
            return _refused(problem)
        except Exception as error:
            log.exception("sensu: a request could not be answered")
            self._odd("sensu.api", request.body, error)
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(answer, Page):
            return _paged(answer.items, request.query)
        return answer


def _refused(problem: Problem) -> Response:
    """Return a refusal without a body, as Sensu's; where one result of a list is wrong, it says which."""
    of_a_list = not isinstance(problem, NotJson) and problem.place
    body = msgspec.json.encode({"response": str(problem)}) if of_a_list else b""
    return Response(problem.status, body, headers=problem.headers)


def _paged(items: Sequence[Callable[[], Any]], query: str) -> Response:
    """Return the part of a list that is asked for; without a `limit` all of it."""
    asked = parse_qs(query)
    limit, offset = _number(asked, "limit"), _number(asked, "offset") or 0
    headers: tuple[tuple[str, str], ...] = ()
    if limit is not None:
        shown = {"limit": limit, "offset": offset, "total": len(items)}
        headers = (("X-Pagination", msgspec.json.encode(shown).decode()),)
        items = items[offset : offset + limit]
    return Response(body=msgspec.json.encode([show() for show in items]), headers=headers)


def _number(asked: dict[str, list[str]], name: str) -> int | None:
    """Return a parameter that is digits and nothing else; any other counts as absent."""
    text = asked.get(name, [""])[-1]
    return int(text) if _DIGITS.fullmatch(text) else None


def _not_allowed(methods: Sequence[str]) -> Response:
    allowed = ", ".join(dict.fromkeys(_IMPLIED.get(method, method) for method in methods))
    return Response(HTTPStatus.METHOD_NOT_ALLOWED, headers=(("Allow", allowed),))


def _with_headers(response: Response, request: Request | None) -> Response:
    given = request.header("x-request-id") if request is not None else ""
    name = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
    return msgspec.structs.replace(response, headers=(("X-Request-ID", name), *_ACCESS, *response.headers))
