"""How every probe goes: make the destination, ask once, close it; and what is said of a side that gives no answer."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, TypeVar

from agent.configuration.types import DestinationSettings
from agent.delivery.destination import DestinationError
from agent.http.result import Answered, Failure, HttpResult, NoAnswer, NotSent
from agent.systems.finding import Finding
from agent.systems.http_outcome import describe

SettingsT = TypeVar("SettingsT", bound=DestinationSettings)


class Askable(Protocol):
    """A destination that can be asked without an event."""

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Return the answer to a question that changes nothing there."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


def ask_once(
    make: Callable[[str, SettingsT], Askable],
    finding: Callable[[str, str, Answered], Finding],
    name: str,
    settings: SettingsT,
    timeout_seconds: float,
) -> Finding:
    """Return what `finding` makes of an answer, given what is checked and where that is; of none what is always said."""
    check = f"destination {name}"
    try:
        destination = make(name, settings)
    except DestinationError as error:
        return Finding(check, "fail", error.problem, error.hint)
    try:
        answer = destination.ask(timeout_seconds)
    finally:
        destination.close()
    where = settings.url.masked()
    match answer:
        case Answered(status=HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):  # no receiver says so
            answer = NotSent(f"the proxy refuses: {describe(answer)}")
    match answer:
        case Answered():
            return finding(check, where, answer)
        case NotSent(reason):
            advice = (
                "correct what this names: a file, the key or token, or the proxy and what it lets through"
            )
            return Finding(check, "fail", reason, advice)
        case NoAnswer(Failure.TLS, text):
            advice = "set tls.ca_file to the authority that signed its certificate"
            return Finding(check, "fail", f"{where} does not prove who it is: {text}", advice)
        case NoAnswer(_, text):
            advice = "fix the url, the proxy, or the way there; where the receiver itself is down, events wait for it"
            return Finding(check, "fail", f"{where} cannot be reached: {text}", advice)
