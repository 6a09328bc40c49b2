"""What comes back from a request, as a value; no text in it holds a credential."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Failure(StrEnum):
    """Why there was no answer."""

    UNREACHABLE = "no connection"
    TLS = "TLS"
    CUT = "connection cut"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Answered:
    """The other side answered; `text` is the beginning of its body, masked."""

    status: int
    text: str = ""
    is_html: bool = False
    retry_after_seconds: float | None = None
    location: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """As they came, masked; look them up in any case."""
    content: bytes = field(default=b"", repr=False)
    """The beginning of the body as it came, for answers that are no text. It is not masked: mask what is taken out of it."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The other side was asked and gave no answer; `text` says why, masked."""

    failure: Failure
    text: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Something on this side is missing, as the key: nothing was sent."""

    reason: str


HttpResult = Answered | NoAnswer | NotSent
