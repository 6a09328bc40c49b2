"""What a destination is, and the law it keeps. Start here to write one.

1. `send` makes one request of the entries it is given and returns its answer as a value. It raises
   nothing: whatever goes wrong is an answer. It returns within the time it is given, whatever the
   other side does.
2. No answer, log line, exception or `repr` ever holds a credential.
3. It keeps nothing of the events. Waiting, retrying and letting go are the delivery loop's.
4. It belongs to one thread, but for `cut_short` and `close`, which any thread may call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.destinations.answer import Answer
from agent.destinations.outcome import Outcome
from spool import Segment


class DestinationError(Exception):
    """A destination that cannot be made as configured; `hint` says what to do."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Entries:
    """Events of one name, in order: JSON objects joined by commas, compressed or not."""

    name: str
    json: bytes | Segment


@dataclass(frozen=True, slots=True)
class Request:
    """What one request is to hold: in the order of the spool, of one host."""

    hostname: str
    entries: Sequence[Entries]


class Destination(Protocol):
    """A remote side of any kind; see the law above."""

    @property
    def name(self) -> str:
        """Return the operator's name for it."""
        ...

    @property
    def identity(self) -> str:
        """Return what it is, whatever its name: a hash of type and URL."""
        ...

    @property
    def one_event_a_request(self) -> bool:
        """Return whether it takes no more than one event at once."""
        ...

    def send(self, request: Request, timeout_seconds: float) -> Answer:
        """Make one request and return its answer."""
        ...

    def outcome(self, answer: Answer, *, events: int, accepted_another: bool) -> Outcome:
        """Return what an answer means for so many events: pure; see `agent.destinations.outcome` for the usual table."""
        ...

    def probe_key_changed(self) -> bool:
        """Return whether the credential is another than the one last used: a pause is then worth a try."""
        ...

    def cut_short(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        ...

    def close(self) -> None:
        """Let go of connections; `send` is not called again."""
        ...
