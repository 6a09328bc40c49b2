"""Whether Sematext's event receiver can be reached. It has no way to try a token without an event, so none is tried."""

from agent.http.result import Answered
from agent.systems.finding import Finding
from agent.systems.probing import ask_once
from agent.systems.sematext.destination import Sematext
from agent.systems.sematext.settings import SematextSettings


def probe(name: str, settings: SematextSettings, timeout_seconds: float) -> Finding:
    """Ask whether anything answers there, and whether there is a token to use."""
    return ask_once(Sematext, finding, name, settings, timeout_seconds)


def finding(check: str, where: str, _: Answered) -> Finding:
    """Return the finding that any answer means."""
    advice = "an event tells: sts-agent event send TryEvent --title try"
    return Finding(check, "ok", f"{where} answers; whether it knows the token, only an event tells", advice)
