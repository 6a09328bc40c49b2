"""Whether each destination can be reached, is who it says, and knows our key; nothing is sent to it but that question."""

from collections.abc import Iterator, Mapping

from agent.configuration.types import Destination
from agent.destinations.answer import Answer, Failure, NoAnswer, NotSent, Response
from agent.destinations.destination import DestinationError
from agent.destinations.stackstate import StackState
from agent.diagnosis.finding import Finding

TIMEOUT_SECONDS = 10.0


def look_at_all(destinations: Mapping[str, Destination]) -> Iterator[Finding]:
    """Yield a finding for each destination."""
    if not destinations:
        advice = "add one under `destinations:`, or set STS_STS_URL and STS_API_KEY"
        yield Finding("destinations", "warn", "none is configured: events are only recorded", advice)
    for name, settings in destinations.items():
        yield look_at(name, settings)


def look_at(name: str, settings: Destination) -> Finding:
    """Ask one destination whether it knows the key."""
    check = f"destination {name}"
    try:
        destination = StackState(name, settings)
    except DestinationError as error:
        return Finding(check, "fail", error.problem, error.hint)
    try:
        answer = destination.validate(min(settings.timeout, TIMEOUT_SECONDS))
    finally:
        destination.close()
    return told(check, settings, answer)


def told(check: str, settings: Destination, answer: Answer) -> Finding:
    """Return the finding that an answer means."""
    where = settings.url.masked()
    match answer:
        case NotSent(reason):
            return Finding(check, "fail", reason, "put the key where the configuration says")
        case NoAnswer(Failure.TLS, text):
            advice = "set tls.ca_file to the authority that signed the receiver's certificate"
            return Finding(check, "fail", f"{where} does not prove who it is: {text}", advice)
        case NoAnswer(_, text):
            return Finding(
                check,
                "fail",
                f"{where} cannot be reached: {text}",
                "mend the url, the proxy, or the way there",
            )
        case Response(status=401 | 403):
            return Finding(
                check,
                "fail",
                f"{where} does not know the key",
                "put the right key where the configuration says",
            )
        case Response(is_html=True):
            advice = "look whether the url ends in /stsAgent, and whether a proxy or portal is in between"
            return Finding(check, "warn", f"{where} answers with a web page: cannot tell", advice)
        case Response(status) if 200 <= status < 300:  # noqa: PLR2004 - the class of success
            return Finding(check, "ok", f"{where} knows the key")
        case Response(status):
            advice = "look whether the url ends in /stsAgent; some receivers do not answer this question"
            return Finding(
                check, "warn", f"{where} answers {status}: cannot tell whether it knows the key", advice
            )
