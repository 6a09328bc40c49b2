"""Whether a Sensu client's socket or a Sensu API can be reached, and lets us in. No result is sent."""

from http import HTTPStatus

from agent.http.result import Answered
from agent.systems.finding import Finding
from agent.systems.http_outcome import is_success
from agent.systems.probing import ask_once, open_answer
from agent.systems.sensu.destination import Sensu
from agent.systems.sensu.settings import SensuSettings


def probe(name: str, settings: SensuSettings, timeout_seconds: float) -> Finding:
    """Ask who is there."""
    return ask_once(Sensu, finding, name, settings, timeout_seconds)


def finding(check: str, where: str, answer: Answered) -> Finding:
    """Return the finding that an answer means."""
    match answer:
        case Answered(status=HTTPStatus.UNAUTHORIZED):
            advice = "put user and password into the url, as http://USER:PASSWORD@HOST:4567"
            return Finding(check, "fail", f"{where} lets nobody in without the right password", advice)
        case Answered() if is_success(answer):
            return Finding(check, "ok", f"{where} answers as Sensu does")
        case Answered():
            advice = "name a client's HTTP socket (3031) or a Sensu API (4567)"
            return open_answer(check, where, answer, "that may be no Sensu", advice)
