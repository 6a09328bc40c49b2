"""The API's stashes: JSON under a path, which tools keep there, and forget or let expire.

Bounded in number and size; kept in what the spool remembers, so they survive what the checks survive.
"""

import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec

from agent.http.message import Request, Response
from agent.intake.dialect import Problem, bad_request
from agent.systems.sensu.api_route import Page, Route, missing, route, shown
from agent.systems.sensu.registry import Registry
from agent.systems.sensu.result import read_json
from collectors.collector import recall

STASHES = "stash/"
MOST_STASHES = 1000
MOST_BYTES = 16 * 1024
"""Of one stash."""
_NEVER = -1


class _Stash(msgspec.Struct, frozen=True):
    """What is under a path; `until` is in seconds since the epoch, -1 for ever."""

    content: dict[str, Any]
    until: int = _NEVER

    def is_over(self, now: int) -> bool:
        return self.until != _NEVER and self.until <= now


def routes(registry: Registry) -> Iterator[Route]:
    """Yield what is answered."""
    stashes = _Stashes(registry)
    yield route("GET", "/stashes", stashes.all)
    yield route("POST", "/stashes", stashes.post)
    for path in ("/stashes/*path", "/stash/*path"):
        yield route("GET", path, stashes.one)
        yield route("POST", path, stashes.put)
        yield route("DELETE", path, stashes.delete)


class _Stashes:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def all(self, _: Request) -> Page:
        now = int(time.time())
        return Page([partial(_show, path, stash, now) for path, stash in self._found(now)])

    def one(self, _: Request, path: str) -> Response:
        stash = recall(self._registry.get(STASHES + path), _Stash)
        return missing() if stash is None or stash.is_over(int(time.time())) else shown(stash.content)

    def put(self, request: Request, path: str) -> Response:
        content = read_json(request.body)
        if not isinstance(content, dict):
            raise bad_request("the content of a stash is a JSON object")
        return self._keep(path, _Stash(content))

    def post(self, request: Request) -> Response:
        asked = read_json(request.body)
        if not isinstance(asked, dict):
            raise bad_request("a stash is a JSON object")
        path, content, expire = asked.get("path"), asked.get("content"), asked.get("expire")
        if not isinstance(path, str) or not path or not isinstance(content, dict):
            raise bad_request("give `path` and `content`")
        if expire is not None and (isinstance(expire, bool) or not isinstance(expire, int)):
            raise bad_request("`expire` must be a number of seconds")
        until = _NEVER if expire is None or expire < 0 else int(time.time()) + expire
        return self._keep(path, _Stash(content, until))

    def delete(self, _: Request, path: str) -> Response:
        if self._registry.get(STASHES + path) is None:
            return missing()
        self._registry.change({STASHES + path: None})
        return Response(HTTPStatus.NO_CONTENT)

    def _keep(self, path: str, stash: _Stash) -> Response:
        encoded = msgspec.json.encode(stash)
        if len(path) + len(encoded) > MOST_BYTES:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a stash has at most {MOST_BYTES} bytes")
        now = int(time.time())
        gone = {
            key: None
            for key, value in self._registry.items(STASHES)
            if (old := recall(value, _Stash)) is None or old.is_over(now)
        }
        if len(self._found(now)) >= MOST_STASHES and self._registry.get(STASHES + path) is None:
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, f"there are {MOST_STASHES} stashes already")
        self._registry.change({**gone, STASHES + path: encoded})
        return shown({"path": path}, HTTPStatus.CREATED)

    def _found(self, now: int) -> list[tuple[str, _Stash]]:
        return [
            (key.removeprefix(STASHES), stash)
            for key, value in self._registry.items(STASHES)
            if (stash := recall(value, _Stash)) is not None and not stash.is_over(now)
        ]


def _show(path: str, stash: _Stash, now: int) -> dict[str, Any]:
    expire = _NEVER if stash.until == _NEVER else stash.until - now
    return {"path": path, "content": stash.content, "expire": expire}
