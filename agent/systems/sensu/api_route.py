"""What the tables of the API are made of: a verb and a path, and answers that may be long lists."""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from agent.http.message import Response

_NAME = r"[A-Za-z0-9_.-]+"


class Page(msgspec.Struct, frozen=True):
    """A list of which a part may be asked for; each item is made only when it is shown."""

    items: Sequence[Callable[[], Any]]


class Route(msgspec.Struct, frozen=True):
    """A verb, the paths it is for, and who answers."""

    method: str
    path: re.Pattern[str]
    answer: Callable[..., Response | Page]
    """Given the request, and by name what the path names; raises `Problem`, nothing else."""


def route(method: str, path: str, answer: Callable[..., Response | Page]) -> Route:
    """Return a route; `:name` in a path stands for a name, `*name` for any rest of it. A last slash does not matter."""
    pattern = re.sub(r":(\w+)", rf"(?P<\1>{_NAME})", path)
    pattern = re.sub(r"\*(\w+)", r"(?P<\1>.+?)", pattern)
    return Route(method, re.compile(f"{pattern}/?", re.DOTALL), answer)


def shown(value: object, status: int = HTTPStatus.OK) -> Response:
    """Return a value as JSON."""
    return Response(status, msgspec.json.encode(value))


def missing() -> Response:
    """Return that there is no such thing."""
    return Response(HTTPStatus.NOT_FOUND)
