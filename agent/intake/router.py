"""Paths to dialects: several systems on one Unix socket, and the same on one TCP port.

On the socket its mode is the whole check of who may post, and the daemon's own paths come first. On the
port they do not exist, and a request shows the token in its dialect's own place. A dialect is asked what a
request means; whatever it does, the answer to what is not on disk is never a success.
"""

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus

import msgspec

from agent.events.identity import Identity
from agent.http.message import Refusal, Request, Response
from agent.intake.control import Control, is_own, refuse
from agent.intake.dialect import Dialect, Parsed, Problem, Route, WrongToken
from agent.intake.keeping import Keeping
from agent.intake.late_dialect import LateDialect
from agent.intake.odd import Odd, ignored

log = logging.getLogger(__name__)

_MOST_PATHS = 16

EVENT_SEND_PATH = "/stsAgent/intake"
"""Where our own command posts to."""


class Router(msgspec.Struct, frozen=True):
    """Answers requests; any thread may call it. Of two dialects that match a path the first has it."""

    dialects: Sequence[Dialect | LateDialect]
    keeping: Keeping
    control: Control
    odd: Odd = ignored
    """Told of a body that raised what nobody foresaw."""
    _known: dict[str, tuple[Dialect, list[Route]]] = msgspec.field(default_factory=dict)
    """Whose the last paths were that a dialect was found for; none of the daemon's own is among them."""

    def answer_socket(self, request: Request) -> Response:
        """Return the answer to a request on the Unix socket; never raises for what is in it."""
        if request.path in self._known:
            return self._answer(request, None)
        return self.control.answer(request) or self._answer(request, None)

    def port(self, token: Callable[[], str]) -> Callable[[Request], Response]:
        """Return what answers on a TCP port; `token` is asked at each request."""
        return lambda request: _not_here(request) or self._answer(request, token())

    def refuse(self, refusal: Refusal) -> Response:
        """Return what the server refuses by itself, as a body that is too large, in the words of its dialect."""
        found = self._find(refusal.request.path) if refusal.request else None
        return found[0].refused(Problem(refusal.status, refusal.reason)) if found else refusal.plain()

    def parse_common(self, body: bytes, identity: Identity) -> Parsed:
        """Return what a body holds that `event send` has left in a file instead of posting it; raises `Problem`."""
        found = self._find(EVENT_SEND_PATH)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"nothing is at {EVENT_SEND_PATH}")
        return found[0].parse(Request("POST", EVENT_SEND_PATH, EVENT_SEND_PATH, "", body=body), identity)

    def _answer(self, request: Request, token: str | None) -> Response:
        found = self._known.get(request.path) or self._learn(request.path)
        if found is None:
            return refuse(HTTPStatus.NOT_FOUND, f"nothing is at {request.path}")
        dialect, routes = found
        try:
            if token is not None:
                _check_token(dialect.token_of(request), token)
            return self._take(dialect, _chosen(routes, request.method), request)
        except Problem as problem:
            return _refused(dialect, problem)
        except Exception as error:
            log.exception("intake: a request could not be answered")
            self.odd("the intake", request.body, error)
            return _refused(dialect, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "it could not be taken"))

    def _take(self, dialect: Dialect, route: Route, request: Request) -> Response:
        if route.answer is not None:
            return route.answer(request)
        parsed = dialect.parse(request, self.keeping.capture.identity_now)
        self.keeping.keep(parsed)
        return dialect.kept(parsed)

    def _learn(self, path: str) -> tuple[Dialect, list[Route]] | None:
        found = self._find(path)
        if found is not None:
            if len(self._known) >= _MOST_PATHS:
                self._known.clear()
            self._known[path] = found
        return found

    def _find(self, path: str) -> tuple[Dialect, list[Route]] | None:
        for one in self.dialects:
            dialect = one.at(path) if isinstance(one, LateDialect) else one
            if dialect is None:
                continue
            if routes := [route for route in dialect.routes if route.path.fullmatch(path)]:
                return dialect, routes
        return None


def _not_here(request: Request) -> Response | None:
    """Return the answer to one of the daemon's own paths on a port, where they do not exist."""
    return refuse(HTTPStatus.NOT_FOUND, f"nothing is at {request.path}") if is_own(request.path) else None


def _chosen(routes: Sequence[Route], method: str) -> Route:
    for route in routes:
        if route.method == method:
            return route
    allowed = ", ".join(dict.fromkeys(route.method for route in routes))
    raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}", headers=(("Allow", allowed),))


def _check_token(shown: str | None, token: str) -> None:
    if not shown:
        raise Problem(HTTPStatus.UNAUTHORIZED, "show the token of this port")
    import hmac  # brings OpenSSL, and is for ports alone

    if not token or not hmac.compare_digest(shown.encode("utf-8", "replace"), token.encode()):
        raise WrongToken


def _refused(dialect: Dialect, problem: Problem) -> Response:
    response = dialect.refused(problem)
    return (
        msgspec.structs.replace(response, headers=response.headers + problem.headers)
        if problem.headers
        else response
    )
