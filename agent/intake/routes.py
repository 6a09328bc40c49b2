"""What the socket answers to, by path. Says 200 to events only when the spool has them on disk."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from agent.capture import Capture
from agent.http.message import PLAIN_TEXT, Request, Response
from agent.intake.posted import PostedError, parse
from agent.intake.rate import Rate
from agent.intake.share import Share
from spool import SpoolError, SpoolFull

log = logging.getLogger(__name__)


class _Chosen(msgspec.Struct, forbid_unknown_fields=True):
    """Which rejected events are meant: some by their ids, or all."""

    ids: list[int] | None = None
    all: bool = False


@dataclass(frozen=True, slots=True)
class Routes:
    """The daemon's side of the socket; `answer` may be called by any thread."""

    capture: Capture
    rate: Rate
    share: Share
    status: Callable[[], object]
    retry: Callable[[Sequence[int] | None], int]
    discard: Callable[[Sequence[int] | None], int]

    def answer(self, request: Request) -> Response:
        """Return the answer to one request; never raises for what is in it."""
        match request.path.rstrip("/"), request.method:
            case "/stsAgent/intake", "POST":
                return self._take(request.body)
            case "/stsAgent/api/v1/validate", "GET":
                return _json(HTTPStatus.OK, {"valid": True})
            case "/status", "GET":
                return _json(HTTPStatus.OK, self.status())
            case "/rejected/retry", "POST":
                return self._choose(request.body, self.retry)
            case "/rejected/discard", "POST":
                return self._choose(request.body, self.discard)
            case (("/stsAgent/intake" | "/rejected/retry" | "/rejected/discard"), _):
                return _refuse(HTTPStatus.METHOD_NOT_ALLOWED, "use POST", ("Allow", "POST"))
            case (("/stsAgent/api/v1/validate" | "/status"), _):
                return _refuse(HTTPStatus.METHOD_NOT_ALLOWED, "use GET", ("Allow", "GET"))
            case path, _:
                return _refuse(HTTPStatus.NOT_FOUND, f"nothing is at {path or '/'}; post to /stsAgent/intake")

    def _take(self, body: bytes) -> Response:
        try:
            captured = parse(body, self.capture.identity)
        except PostedError as error:
            return _refuse(HTTPStatus.BAD_REQUEST, str(error))
        if not captured:
            return _json(HTTPStatus.OK, {"kept": 0})
        if wait_seconds := self.rate.take(len(captured)):
            after = str(math.ceil(wait_seconds))
            return _refuse(
                HTTPStatus.TOO_MANY_REQUESTS, f"too many events; again in {after} s", ("Retry-After", after)
            )
        if not self.share.has_room(len(body)):
            return _refuse(HTTPStatus.INSUFFICIENT_STORAGE, "what was handed in fills half of the spool")
        try:
            self.capture.keep_posted(captured)
        except SpoolFull as error:
            return _refuse(HTTPStatus.INSUFFICIENT_STORAGE, str(error))
        except SpoolError as error:
            log.error("intake: nothing can be kept: %s", error)  # noqa: TRY400 - made for people, with a hint
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return _json(HTTPStatus.OK, {"kept": len(captured)})

    @staticmethod
    def _choose(body: bytes, act: Callable[[Sequence[int] | None], int]) -> Response:
        try:
            chosen = msgspec.json.decode(body, type=_Chosen)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _refuse(HTTPStatus.BAD_REQUEST, f'send {{"ids": [1, 2]}} or {{"all": true}}: {error}')
        if chosen.all == bool(chosen.ids):
            return _refuse(HTTPStatus.BAD_REQUEST, 'send either {"ids": [1, 2]} or {"all": true}')
        return _json(HTTPStatus.OK, {"count": act(None if chosen.all else chosen.ids)})


def _json(status: int, value: object) -> Response:
    return Response(status, msgspec.json.encode(value) + b"\n")


def _refuse(status: int, reason: str, *headers: tuple[str, str]) -> Response:
    return Response(status, reason.encode() + b"\n", PLAIN_TEXT, headers)
