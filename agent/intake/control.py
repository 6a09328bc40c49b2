"""What the daemon's socket answers besides taking events: how it is, what is planned, what to do with rejected ones.

These paths are the Unix socket's alone. Everybody who may use it may read how the daemon is. What shows
this host's history, or throws it away, is for root and the service's own user: a retry or a discard is for good.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, TypeVar

import msgspec

from agent.events.plans import PlanError, Plans
from agent.http.message import PLAIN_TEXT, Request, Response
from spool import SpoolError
from spool.batch import MOST_ID

_PRIVATE = frozenset({"rejected", "drops", "metrics", "history"})
"""First segments of paths."""
_OWN = _PRIVATE | {"status", "health", "plan"}


class _Chosen(msgspec.Struct, forbid_unknown_fields=True):
    """Which rejected events are meant: some by their ids, or all."""

    ids: list[Annotated[int, msgspec.Meta(ge=1, le=MOST_ID)]] | None = None
    all: bool = False


class _Planned(msgspec.Struct, forbid_unknown_fields=True):
    """Work that is to be announced."""

    name: str
    seconds: float
    text: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class _Ended(msgspec.Struct, forbid_unknown_fields=True):
    """Which planned work is over: one by its name, or all."""

    name: str | None = None


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
    plans: Plans

    def answer(self, request: Request) -> Response | None:
        """Return the answer, or None when the path is none of these."""
        path = request.path.rstrip("/")
        if not is_own(path):
            return None
        if _first_segment(path) in _PRIVATE and not _is_trusted(request):
            return refuse(HTTPStatus.FORBIDDEN, f"{path} is for root and the user of the service alone")
        known = self._calls().get(path)
        if known is None:
            return refuse(HTTPStatus.NOT_FOUND, f"nothing is at {path}")
        method, act = known
        if request.method != method:
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, f"use {method}", ("Allow", method))
        return act(request.body)

    def _calls(self) -> Mapping[str, tuple[str, Callable[[bytes], Response]]]:
        """Return each path with its method and what is done with the body."""
        return {
            "/status": ("GET", lambda _: _json(HTTPStatus.OK, self.status())),
            "/metrics": ("GET", lambda _: self.metrics()),
            "/health": ("GET", lambda _: self._health()),
            "/rejected/retry": ("POST", lambda body: _choose(body, self.retry)),
            "/rejected/discard": ("POST", lambda body: _choose(body, self.discard)),
            "/drops/acknowledge": (
                "POST",
                lambda _: _json(HTTPStatus.OK, {"count": self.acknowledge_drops()}),
            ),
            "/plan/list": ("GET", lambda _: _json(HTTPStatus.OK, self.plans.active())),
            "/plan/start": ("POST", self._start_plan),
            "/plan/stop": ("POST", self._stop_plan),
        }

    def _health(self) -> Response:
        reasons = self.action_needed()
        if reasons:
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "action needed", "reasons": reasons})
        return _json(HTTPStatus.OK, {"status": "ok"})

    def _start_plan(self, body: bytes) -> Response:
        try:
            asked = _decoded(body, _Planned)
            return _json(HTTPStatus.OK, self.plans.start(asked.name, asked.seconds, asked.text))
        except (ValueError, PlanError) as error:
            return refuse(HTTPStatus.BAD_REQUEST, str(error))
        except SpoolError as error:
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    def _stop_plan(self, body: bytes) -> Response:
        try:
            asked = _decoded(body or b"{}", _Ended)
            count = self.plans.stop(asked.name)
        except ValueError as error:
            return refuse(HTTPStatus.BAD_REQUEST, str(error))
        except SpoolError as error:
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        if asked.name is not None and not count:
            return refuse(HTTPStatus.NOT_FOUND, f"no planned work is called {asked.name}")
        return _json(HTTPStatus.OK, {"count": count})


def is_own(path: str) -> bool:
    """Return whether a path is the daemon's, so that no dialect is asked: its first segment might pass as a token."""
    return _first_segment(path) in _OWN


def _first_segment(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def _is_trusted(request: Request) -> bool:
    return request.peer.uid in {0, os.geteuid()}


T = TypeVar("T")


def _decoded(body: bytes, kind: type[T]) -> T:
    """Return a body as a type; raises `ValueError` with the place of what is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _choose(body: bytes, act: Callable[[Sequence[int] | None], int]) -> Response:
    try:
        chosen = _decoded(body, _Chosen)
    except ValueError as error:
        return refuse(HTTPStatus.BAD_REQUEST, f'send {{"ids": [1, 2]}} or {{"all": true}}: {error}')
    if chosen.all == bool(chosen.ids):
        return refuse(HTTPStatus.BAD_REQUEST, 'send either {"ids": [1, 2]} or {"all": true}')
    return _json(HTTPStatus.OK, {"count": act(None if chosen.all else chosen.ids)})


def _json(status: int, value: object) -> Response:
    return Response(status, msgspec.json.encode(value) + b"\n")


def refuse(status: int, reason: str, *headers: tuple[str, str]) -> Response:
    """Return a refusal in a line of text."""
    return Response(status, reason.encode("utf-8", "replace") + b"\n", PLAIN_TEXT, headers)
