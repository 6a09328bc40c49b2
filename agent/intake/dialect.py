"""What a dialect is: one system's way of posting to us, and the contract it keeps. Start here to write one.

1. A dialect says what a request means and what is answered in its system's own words. Whether the request
   is let in, how much fits, and keeping it, is the router's, the same for all. `kept` is asked for
   only when everything is on disk.
2. `parse` reads the body once and completes events with the identity it is given, once. It raises
   `Problem` and nothing else. Of a request with a problem nothing is kept.
3. It keeps nothing and knows no other dialect. Any thread may call it, several at once.
4. No answer, log line or exception of it ever holds a token.
"""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from agent.events.chunk import Captured, Items, Together
from agent.events.identity import Identity
from agent.http import Request, Response


class Problem(Exception):  # noqa: N818 - it is an answer; the dialect that gives it says how it looks
    """Why a request is not taken: an HTTP status that a dialect may better, what is wrong, and where."""

    def __init__(
        self, status: int, message: str, place: str = "", *, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.status = status
        self.message = message
        self.place = place
        """As `events.custom[1]`, or `byte 17`; empty where it is the request as a whole."""
        self.headers = headers
        """What the router adds to the dialect's answer, as `Allow` and `Retry-After`."""


class WrongToken(Problem):
    """A token that is not the one of the port: a dialect may have a status of its own for that."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.FORBIDDEN, "the token is wrong")


def bad_request(message: str, place: str = "") -> Problem:
    """Return that a request makes no sense, and where."""
    return Problem(HTTPStatus.BAD_REQUEST, message, place)


class Route(msgspec.Struct, frozen=True):
    """A method and the paths it is for, as a pattern that the whole path must match.

    With an `answer` nothing is kept, as for a question whether a token is right.
    """

    method: str
    path: re.Pattern[str]
    answer: Callable[[Request], Response] | None = None


class Parsed(msgspec.Struct, frozen=True):
    """What a request holds: events complete but for what `identity` did not know, and items as they came."""

    identity: Identity
    """The agent's, as it was when the request was parsed; what is kept is kept under it."""
    events: Sequence[Captured | Together] = ()
    items: Sequence[Items] = ()
    note: Any = None
    """What the dialect itself wants to know again in `kept`, as the ids that its system would have given."""

    @property
    def count(self) -> int:
        """Return how much there is to keep: events, and single items."""
        items = sum(len(items.bodies) for items in self.items) if self.items else 0
        return sum([event.count for event in self.events]) + items


class Dialect(Protocol):
    """A system's way of posting to us; see the contract above."""

    @property
    def name(self) -> str:
        """Return the system's name, as it stands in the table."""
        ...

    @property
    def routes(self) -> Sequence[Route]:
        """Return what it answers to. On a path of an earlier dialect in the table a later one is not asked."""
        ...

    def token_of(self, request: Request) -> str | None:
        """Return the token from this dialect's own place, or None where there is none; it is compared by the router."""
        ...

    def parse(self, request: Request, identity: Identity) -> Parsed:
        """Return what is to be kept; raises `Problem`."""
        ...

    def kept(self, parsed: Parsed) -> Response:
        """Return the answer when everything is on disk."""
        ...

    def refused(self, problem: Problem) -> Response:
        """Return the answer when nothing was kept.

        The router's own problems are 401 (no token), 403 (a wrong one), 405, 413, 429, 500, 503 and 507.
        """
        ...
