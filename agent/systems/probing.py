"""How every probe goes: make the destination, ask once, close it; and what is said of a side that gives no answer."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from agent.configuration.types import DestinationSettings
from agent.delivery.destination import DestinationError
from agent.http.result import Failure, HttpResult, NoAnswer, NotSent
from agent.systems.finding import Finding

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
    finding: Callable[[str, str, HttpResult], Finding],
    name: str,
    settings: SettingsT,
    timeout_seconds: float,
) -> Finding:
    """Return what `finding` makes of the answer, given what is checked and where that is."""
    check = f"destination {name}"
    try:
        destination = make(name, settings)
    except DestinationError as error:
        return Finding(check, "fail", error.problem, error.hint)
    try:
        answer = destination.ask(timeout_seconds)
    finally:
        destination.close()
    return finding(check, settings.url.masked(), answer)


def without_answer(check: str, where: str, result: NotSent | NoAnswer, not_sent: str) -> Finding:
    """Return the finding where nothing came back; `not_sent` is the advice for a request that could not be made."""
    match result:
        case NotSent(reason):
            return Finding(check, "fail", reason, not_sent)
        case NoAnswer(Failure.TLS, text):
            advice = "set tls.ca_file to the authority that signed its certificate"
            return Finding(check, "fail", f"{where} does not prove who it is: {text}", advice)
        case NoAnswer(_, text):
            advice = "fix the url, the proxy, or the way there; where the receiver itself is down, events wait for it"
            return Finding(check, "fail", f"{where} cannot be reached: {text}", advice)
