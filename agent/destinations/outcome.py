"""What an answer means for the events it answers: the table of delivery, as one pure function.

    2xx, not text/html                      Delivered
    408, 425, 429, 5xx, no answer           RetryLater; smaller, when the time or the connection ran out
    413                                     Split; a single event: Rejected
    400, 422                                Split; a single event: Rejected only if this destination
                                            accepted another since the failure began, else Paused
    2xx text/html, 3xx, 401, 403, 404,      Paused
    405, 407, 415, any other, not sent

It decides; what is done about it is the loop's. Nothing here ever drops an event: only `Rejected`
lets go of one, into the table of rejected events.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never

from agent.destinations.answer import Answer, Failure, NoAnswer, NotSent, Response

_MOST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Delivered:
    """The destination has them."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Nothing is known against the events: send them again later."""

    reason: str
    after_seconds: float | None = None
    """What the destination asked for, as it said it."""
    shrink: bool = False
    """The batch may have been too much for the line: send less at once."""


@dataclass(frozen=True, slots=True)
class Split:
    """Something in the request is refused: find out what."""

    reason: str
    status: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """This one event is refused for good."""

    reason: str
    status: int


@dataclass(frozen=True, slots=True)
class Paused:
    """A person has to mend something: keep everything, and try rarely."""

    reason: str
    suspect: int | None = None
    """The status with which a single event was refused: it may be the event, it may be the destination."""


Outcome = Delivered | RetryLater | Split | Rejected | Paused


_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}


def outcome(answer: Answer, *, events: int, accepted_another: bool) -> Outcome:
    """Return what an answer to a request of so many events means for them.

    `accepted_another` tells that the destination took another event since this one was first refused.
    """
    match answer:
        case NotSent(reason):
            return Paused(reason)
        case NoAnswer(failure, text):
            return RetryLater(text, shrink=failure in {Failure.DEADLINE, Failure.CUT})
        case Response():
            return _of_response(answer, events, accepted_another)
        case _:
            assert_never(answer)


def _of_response(answer: Response, events: int, accepted_another: bool) -> Outcome:
    status, text = answer.status, describe(answer)
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        if answer.is_html:
            return Paused(f"{text}: a web page answers here, not the receiver")
        return Delivered()
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryLater(text, answer.retry_after_seconds)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Split(text, status) if events > 1 else Rejected(text, status)
    if status in _REFUSED:
        if events > 1:
            return Split(text, status)
        return Rejected(text, status) if accepted_another else Paused(text, suspect=status)
    return Paused(text)


def describe(answer: Response) -> str:
    """Return the status and the beginning of the text, on one line; of a web page only that it is one."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    detail = "(HTML)" if answer.is_html else " ".join(answer.text.split())[:_MOST_TEXT]
    location = f"to {answer.location}" if answer.location else ""
    return " ".join(filter(None, (str(answer.status), phrase, location, detail)))
