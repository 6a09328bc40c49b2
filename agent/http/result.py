"""What comes back from a request, as a value; no text in it holds a credential."""

from collections.abc import Mapping
from datetime import UTC
from enum import StrEnum

import msgspec


class Failure(StrEnum):
    """Why there was no answer."""

    UNREACHABLE = "no connection"
    TLS = "TLS"
    CUT = "connection cut"
    DEADLINE = "deadline"


class Answered(msgspec.Struct, frozen=True):
    """The other side answered; `text` is the beginning of its body, masked."""

    status: int
    text: str = ""
    is_html: bool = False
    retry_after_seconds: float | None = None
    location: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """As they came, masked; look them up in any case."""
    content: bytes = b""
    """The beginning of the body as it came, for answers that are no text. It is not masked: mask what is taken out of it."""

    def __repr__(self) -> str:
        return f"Answered({self.status}, {self.text!r})"  # never the content


class NoAnswer(msgspec.Struct, frozen=True):
    """The other side was asked and gave no answer; `text` says why, masked."""

    failure: Failure
    text: str


class NotSent(msgspec.Struct, frozen=True):
    """Something on this side is missing, as the key: nothing was sent."""

    reason: str


HttpResult = Answered | NoAnswer | NotSent


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return a Retry-After header in seconds from `now` (RFC 9110, 10.2.3), or None when it says nothing."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value[:20])
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError, TypeError):
        return None
