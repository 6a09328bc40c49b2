"""The HTTP socket of a Sensu client: `POST /results`, and what it answers in its own words.

Never answers with success what is not on disk.
"""

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus

import msgspec

from agent.http.message import Refusal, Request, Response
from agent.intake.dialect import Problem
from agent.intake.odd import Odd
from agent.systems.sensu.result import NotJson, Result, read_results

log = logging.getLogger(__name__)

_ALLOWED = {"/results": "POST", "/info": "GET, HEAD"}
_NOT_PARSED = "Failed to parse JSON body"


class HttpSocket:
    """Answers requests; any thread may call it."""

    def __init__(self, take: Callable[[Sequence[Result]], None], odd: Odd) -> None:
        self._take = take
        self._odd = odd

    def answer(self, request: Request) -> Response:
        """Return the answer; never raises for what is in the request."""
        path = request.path.rstrip("/")
        if path not in _ALLOWED:
            return _said(HTTPStatus.NOT_FOUND, "Resource not found")
        if request.method not in _ALLOWED[path]:
            return _said(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"Valid methods for this endpoint: {_ALLOWED[path]}",
                (("Allow", _ALLOWED[path]),),
            )
        if path == "/info":
            return Response(body=b'{"sensu":{"version":"1.9.0"},"transport":{"connected":true}}')
        if not _is_json(request):
            return _said(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Invalid content type")
        return self._results(request)

    def refuse(self, refusal: Refusal) -> Response:
        """Return what the server refuses by itself, as a body that is too large."""
        return _said(refusal.status, refusal.reason)

    def _results(self, request: Request) -> Response:
        try:
            self._take(read_results(request.body))
        except NotJson:
            return _said(HTTPStatus.BAD_REQUEST, _NOT_PARSED)
        except Problem as problem:
            return _said(problem.status, str(problem), problem.headers)
        except Exception as error:
            log.exception("sensu: a result could not be taken")
            self._odd("sensu.http", request.body, error)
            return _said(HTTPStatus.INTERNAL_SERVER_ERROR, "it could not be taken")
        return _said(HTTPStatus.ACCEPTED, "ok")


def _is_json(request: Request) -> bool:
    return request.header("content-type").partition(";")[0].strip().lower() == "application/json"


def _said(status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, msgspec.json.encode({"response": text}), headers=headers)
