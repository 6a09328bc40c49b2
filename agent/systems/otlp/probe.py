"""Whether a receiver of OTLP can be reached and takes the credential: a request without a record asks it."""

from http import HTTPStatus

from agent.http.result import Answered
from agent.systems.finding import Finding
from agent.systems.http_outcome import describe, is_success
from agent.systems.otlp.destination import Otlp
from agent.systems.otlp.settings import OtlpSettings
from agent.systems.probing import ask_once, open_answer


def probe(name: str, settings: OtlpSettings, timeout_seconds: float) -> Finding:
    """Ask one receiver."""
    return ask_once(Otlp, finding, name, settings, timeout_seconds)


def finding(check: str, where: str, answer: Answered) -> Finding:
    """Return the finding that an answer means."""
    match answer:
        case Answered(status=HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN):
            advice = "put the right token or header where the configuration says; see scheme"
            return Finding(check, "fail", f"{where} does not take the credential: {describe(answer)}", advice)
        case Answered() if is_success(answer):
            return Finding(check, "ok", f"{where} takes logs")
        case Answered(status=HTTPStatus.NOT_FOUND):
            advice = "the url is the base: the agent appends /v1/logs"
            return Finding(check, "fail", f"{where} has no /v1/logs", advice)
        case Answered():
            advice = "look whether OTLP over HTTP is what listens there (its usual port is 4318)"
            return open_answer(check, where, answer, "cannot tell", advice)
