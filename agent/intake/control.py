"""What the daemon's socket answers besides taking events: how it is, and what to do with rejected ones.

These paths are the Unix socket's alone. Everybody who may use it may read how the daemon is. What shows
this host's history, or throws it away, is for root and the service's own user: a retry or a discard is for good.
"""

import os
from collections.abc import Callable, Sequence
from http import HTTPStatus

import msgspec

from agent.http.message import PLAIN_TEXT, Request, Response

_PRIVATE = frozenset({"rejected", "drops", "metrics", "history"})
"""First segments of paths."""
_OWN = _PRIVATE | {"status", "health"}


class _Chosen(msgspec.Struct, forbid_unknown_fields=True):
    """Which rejected events are meant: some by their ids, or all."""

    ids: list[int] | None = None
    all: bool = False


class Control(msgspec.Struct, frozen=True):
    """The daemon's side of these paths; `answer` may be called by any thread."""

    status: Callable[[], msgspec.Struct]
    """What `status` shows, as a value that can be encoded."""
    action_needed: Callable[[], Sequence[str]]
    """Why `status --exit-code` would be 1; nothing where all is well."""
    retry: Callable[[Sequence[int] | None], int]
    discard: Callable[[Sequence[int] | None], int]
    acknowledge_drops: Callable[[], int]
    metrics: Callable[[], Response]
    """What a Prometheus reads."""

    def answer(self, request: Request) -> Response | None:
        """Return the answer, or None when the path is none of these."""
        path = request.path.rstrip("/")
        if _first_segment(path) in _PRIVATE and not _is_trusted(request):
            return refuse(HTTPStatus.FORBIDDEN, f"{path} is for root and the user of the service alone")
        match path, request.method:
            case "/status", "GET":
                return _json(HTTPStatus.OK, self.status())
            case "/metrics", "GET":
                return self.metrics()
            case "/health", "GET":
                return self._health()
            case (("/rejected/retry" | "/rejected/discard"), "POST"):
                return _choose(request.body, self.retry if path == "/rejected/retry" else self.discard)
            case "/drops/acknowledge", "POST":
                return _json(HTTPStatus.OK, {"count": self.acknowledge_drops()})
            case (("/rejected/retry" | "/rejected/discard" | "/drops/acknowledge"), _):
                return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "use POST", ("Allow", "POST"))
            case (("/status" | "/health" | "/metrics"), _):
                return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "use GET", ("Allow", "GET"))
        return refuse(HTTPStatus.NOT_FOUND, f"nothing is at {path}") if is_own(path) else None

    def _health(self) -> Response:
        reasons = self.action_needed()
        if reasons:
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "action needed", "reasons": reasons})
        return _json(HTTPStatus.OK, {"status": "ok"})


def is_own(path: str) -> bool:
    """Return whether a path is the daemon's, so that no dialect is asked: its first segment might pass as a token."""
    return _first_segment(path) in _OWN


def _first_segment(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def _is_trusted(request: Request) -> bool:
    return request.peer.uid in {0, os.geteuid()}


def _choose(body: bytes, act: Callable[[Sequence[int] | None], int]) -> Response:
    try:
        chosen = msgspec.json.decode(body, type=_Chosen)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return refuse(HTTPStatus.BAD_REQUEST, f'send {{"ids": [1, 2]}} or {{"all": true}}: {error}')
    if chosen.all == bool(chosen.ids):
        return refuse(HTTPStatus.BAD_REQUEST, 'send either {"ids": [1, 2]} or {"all": true}')
    return _json(HTTPStatus.OK, {"count": act(None if chosen.all else chosen.ids)})


def _json(status: int, value: object) -> Response:
    return Response(status, msgspec.json.encode(value) + b"\n")


def refuse(status: int, reason: str, *headers: tuple[str, str]) -> Response:
    """Return a refusal in a line of text."""
    return Response(status, reason.encode("utf-8", "replace") + b"\n", PLAIN_TEXT, headers)
