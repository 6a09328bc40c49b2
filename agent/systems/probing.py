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


_NO_PROOF = "does not prove who it is"
_UNPROVEN = (_NO_PROOF, "set tls.ca_file to the authority that signed its certificate")
_OUT_OF_TIME = (_NO_PROOF, "have its certificate renewed, and look whether the clock of this host is right")
_OF_TLS = {
    "none is spoken": ("cannot be reached", "write http:// into the url, or the port where TLS is spoken"),
    "mismatch": (_NO_PROOF, "write a name into the url that its certificate is for"),
    "expired": _OUT_OF_TIME,
    "not yet valid": _OUT_OF_TIME,
    "_ALERT_": (
        "ends the handshake",
        "it may want a certificate of ours: set tls.client_cert_file and tls.client_key_file; its own log says more",
    ),
}
"""What is wrong and what to do, by words of what TLS says; of all else the authority is not known."""


def fails(answer: Answered) -> bool:
    """Return whether the other side says that it fails itself."""
    return answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def open_answer(check: str, where: str, answer: Answered, said: str, advice: str) -> Finding:
    """Return what is `said` of an answer that leaves it open; of one that fails or sends elsewhere what to do is always the same."""
    if fails(answer):
        advice = "look after it, or after what is in front of it; events wait until it is well"
    elif answer.location:
        advice = "write the address that it leads to into the url, unless that is a page to log in"
    return Finding(check, "warn", f"{where} answers {describe(answer)}: {said}", advice)


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
            problem, advice = next((said for words, said in _OF_TLS.items() if words in text), _UNPROVEN)
            return Finding(check, "fail", f"{where} {problem}: {text}", advice)
        case NoAnswer(_, text):
            advice = "fix the url, the proxy, or the way there; where the receiver itself is down, events wait for it"
            return Finding(check, "fail", f"{where} cannot be reached: {text}", advice)
