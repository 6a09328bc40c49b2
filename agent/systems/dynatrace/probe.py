"""Whether an environment can be reached and knows the token. It sends no event, so its question is answered in several ways."""

from agent.http.result import Answered, Failure, HttpResult, NoAnswer, NotSent
from agent.systems.dynatrace.destination import Dynatrace
from agent.systems.dynatrace.settings import DynatraceSettings
from agent.systems.finding import Finding

_KNOWS = {200, 405}
"""GET on the events: version 1 lists them, and what only takes POST has looked at the token before."""


def probe(name: str, settings: DynatraceSettings, timeout_seconds: float) -> Finding:
    """Ask for the events."""
    destination = Dynatrace(name, settings)
    try:
        answer = destination.ask(timeout_seconds)
    finally:
        destination.close()
    return finding(f"destination {name}", settings.url.masked(), answer)


def finding(check: str, where: str, answer: HttpResult) -> Finding:
    """Return the finding that an answer means."""
    match answer:
        case NotSent(reason):
            return Finding(check, "fail", reason, "put the token where the configuration says")
        case NoAnswer(Failure.TLS, text):
            advice = "set tls.ca_file to the authority that signed its certificate"
            return Finding(check, "fail", f"{where} does not prove who it is: {text}", advice)
        case NoAnswer(_, text):
            advice = "fix the url, the proxy, or the way there"
            return Finding(check, "fail", f"{where} cannot be reached: {text}", advice)
        case Answered(status=401):
            return Finding(
                check, "fail", f"{where} does not know the token", "put the right token in its place"
            )
        case Answered(is_html=True):
            advice = "look whether the url is that of an environment, and whether a proxy is in between"
            return Finding(check, "warn", f"{where} answers with a web page: cannot tell", advice)
        case Answered(status) if status in _KNOWS:
            return Finding(check, "ok", f"{where} answers and knows the token")
        case Answered(status):
            advice = "an event tells: sts-agent event send CUSTOM_INFO --title try"
            return Finding(
                check, "warn", f"{where} answers {status}: cannot tell whether the token may post", advice
            )
