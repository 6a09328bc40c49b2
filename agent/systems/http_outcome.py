"""What an HTTP answer usually means for the events it answers: one pure table for every system that speaks HTTP.

    2xx, not text/html                            Delivered
    408, 425, 429, 5xx, no answer                 RetryLater; smaller, when the time or the connection ran out
    413                                           TooLarge
    400, 422                                      Refused
    2xx text/html, 3xx, 401, 403, 404, 405,       Paused
    407, 415, any other, not sent

A system whose answers say more (a partial success, an entity that is not known yet) looks at them first and
leaves the rest to this. Nothing here ever drops an event.
"""

from http import HTTPStatus
from typing import assert_never

from agent.delivery.outcome import Delivered, Outcome, Paused, Refused, RetryLater, TooLarge
from agent.http.result import Answered, Failure, HttpResult, NoAnswer, NotSent

_MOST_TEXT = 300

_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}


def outcome_of(result: HttpResult) -> Outcome:
    """Return what the result of a request means for its events."""
    match result:
        case NotSent(reason):
            return Paused(reason)
        case NoAnswer(failure, text):
            return RetryLater(text, shrink=failure in {Failure.DEADLINE, Failure.CUT})
        case Answered():
            return _of_answer(result)
        case _:
            assert_never(result)


def _of_answer(answer: Answered) -> Outcome:
    if is_success(answer):
        return Delivered()
    status, text = answer.status, describe(answer)
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return Paused(f"{text}: a web page answers here, not the receiver")
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryLater(text, answer.retry_after_seconds)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge(text, status)
    if status in _REFUSED:
        return Refused(text, status)
    return Paused(text)


def is_success(answer: Answered) -> bool:
    """Return whether the answer is a success of the other side itself, not a web page in between."""
    return 200 <= answer.status < 300 and not answer.is_html  # noqa: PLR2004 - the class of success


def describe(answer: Answered) -> str:
    """Return the status and the beginning of the text, on one line; of a web page only that it is one."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    detail = "(HTML)" if answer.is_html else " ".join(answer.text.split())[:_MOST_TEXT]
    location = f"to {answer.location}" if answer.location else ""
    return " ".join(filter(None, (str(answer.status), phrase, location, detail)))
