"""How every destination is asked, for `doctor`: it is made, asked once, and closed. No event is sent.

What an answer means is for its system to say; what is said of a side that gives none is the same for all.
"""

from http import HTTPStatus
from typing import Protocol, runtime_checkable

from agent.configuration.types import DestinationSettings
from agent.delivery.destination import DestinationError
from agent.http.result import Answered, Failure, HttpResult, NoAnswer, NotSent
from agent.systems.finding import Finding
from agent.systems.http_outcome import describe
from agent.systems.registry import make_destination, system
from agent.systems.system import Surroundings


@runtime_checkable
class Askable(Protocol):
    """A destination that can be asked without an event."""

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Return the answer to a question that changes nothing there."""
        ...


def probe(name: str, settings: DestinationSettings, timeout_seconds: float) -> Finding:
    """Return whether a destination can be reached and knows the credential; whatever goes wrong is a finding."""
    check = f"destination {name}"
    try:
        destination = make_destination(name, settings, Surroundings())
    except DestinationError as error:
        return Finding(check, "fail", error.problem, error.hint)
    finding = system(settings.type).finding
    try:
        if finding is None or not isinstance(destination, Askable):
            advice = "look at `sts-agent status` once the daemon runs"
            return Finding(check, "warn", f"{settings.type} offers no way to ask: cannot tell", advice)
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
