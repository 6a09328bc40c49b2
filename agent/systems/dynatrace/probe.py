"""Whether an environment can be reached and knows the token. It sends no event, so its question is answered in several ways."""

from agent.http.result import Answered
from agent.systems.dynatrace.destination import Dynatrace
from agent.systems.dynatrace.settings import DynatraceSettings
from agent.systems.finding import Finding
from agent.systems.probing import ask_once, fails, open_answer

_KNOWS = {200, 405}
"""GET on the events: version 1 lists them, and what only takes POST has looked at the token before."""


def probe(name: str, settings: DynatraceSettings, timeout_seconds: float) -> Finding:
    """Ask for the events."""
    return ask_once(Dynatrace, finding, name, settings, timeout_seconds)


def finding(check: str, where: str, answer: Answered) -> Finding:
    """Return the finding that an answer means."""
    match answer:
        case Answered(status=401):
            return Finding(
                check, "fail", f"{where} does not know the token", "put the right token in its place"
            )
        case Answered(is_html=True) if not fails(answer):
            advice = "look whether the url is that of an environment, and whether a proxy is in between"
            return Finding(check, "warn", f"{where} answers with a web page: cannot tell", advice)
        case Answered(status) if status in _KNOWS:
            return Finding(check, "ok", f"{where} answers and knows the token")
        case Answered():
            advice = "an event tells: sts-agent event send CUSTOM_INFO --title try"
            return open_answer(check, where, answer, "cannot tell whether the token may post", advice)
