"""What a system's rules say of one request: the answer, the events in it, and every rule that was broken.

Values, and the protocol that a system's stand-in fulfils; HTTP itself is `server`'s.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from agent.http.message import Request
from agent.stand_in.reply import Reply


class Problem(msgspec.Struct, frozen=True):
    """One rule that was broken, and where in the body; `refused` when the system refuses the request for it."""

    where: str
    rule: str
    refused: bool


class Found(msgspec.Struct, frozen=True):
    """One event of a request, with what is wrong with it."""

    name: str
    """What kind of event it is, in the system's own word, as the report counts them."""
    event: Mapping[str, Any]
    """As it came, in the system's own shape."""
    problems: tuple[Problem, ...] = ()
    identifier: str = ""
    """What stays the same when it is sent again; empty where the system knows nothing of the kind."""
    event_type: str = ""
    title: str = ""
    hostname: str = ""

    def __str__(self) -> str:
        return f"{self.event_type or self.name} '{self.title}' {self.identifier}".rstrip()


class Verdict(msgspec.Struct, frozen=True):
    """The answer to one request; its events count as received when the status is a success."""

    reply: Reply
    events: Sequence[Found] = ()
    broken: Sequence[str] = ()
    """Rules that were broken by no event, but by the request."""


class Rules(Protocol):
    """What one system takes. It must never be lenient where the real system is not."""

    def destination(self, origin: str) -> Mapping[str, str]:
        """Return the entry of agent.yaml for a destination that reaches the stand-in at `origin` (scheme://host:port)."""
        ...

    def judge(self, request: Request, *, is_too_large: bool) -> Verdict:
        """Return what to answer; of a request that `is_too_large` the body was not read."""
        ...
