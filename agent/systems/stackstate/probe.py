"""Whether a receiver can be reached, is who it says, and knows our key; nothing is sent to it but that question."""

from agent.events.identity import HOST_IDENTIFIER
from agent.http.result import Answered
from agent.systems.finding import Finding
from agent.systems.probing import ask_once, fails, open_answer
from agent.systems.stackstate.destination import StackState
from agent.systems.stackstate.settings import StackStateSettings


def probe(name: str, settings: StackStateSettings, timeout_seconds: float) -> Finding:
    """Ask one receiver whether it knows the key."""
    return ask_once(StackState, finding, name, settings, timeout_seconds)


def remarks(name: str, settings: StackStateSettings, hostname: str | None) -> list[Finding]:
    """Say where events show, when nothing of the agent brings the component that they belong to."""
    if settings.topology or settings.health:
        return []
    component = HOST_IDENTIFIER + (hostname or "…")
    text = f"events show only where a component {component} exists"
    advice = "set `topology: true`, unless another agent or somebody by hand has made that component"
    return [Finding(f"topology {name}", "warn", text, advice)]


def finding(check: str, where: str, answer: Answered) -> Finding:
    """Return the finding that an answer means."""
    match answer:
        case Answered(status=401 | 403):
            return Finding(
                check,
                "fail",
                f"{where} does not know the key",
                "put the right key where the configuration says; newer StackState takes service tokens, which replace API"
                " keys: make one there and use it as the key",
            )
        case Answered(is_html=True) if not fails(answer):
            advice = "look whether the url ends in /stsAgent, and whether a proxy or portal is in between"
            return Finding(check, "warn", f"{where} answers with a web page: cannot tell", advice)
        case Answered(status) if 200 <= status < 300:  # noqa: PLR2004 - the class of success
            return Finding(check, "ok", f"{where} knows the key")
        case Answered():
            advice = "look whether the url ends in /stsAgent; some receivers do not answer this question"
            return open_answer(check, where, answer, "cannot tell whether it knows the key", advice)
