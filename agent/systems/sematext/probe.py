"""Whether Sematext's event receiver can be reached. It has no way to try a token without an event, so none is tried."""

from agent.http.errors import ClientError
from agent.http.result import Answered, Failure, HttpResult, NoAnswer, NotSent
from agent.systems.finding import Finding
from agent.systems.sematext.destination import Sematext
from agent.systems.sematext.settings import SematextSettings


def probe(name: str, settings: SematextSettings, timeout_seconds: float) -> Finding:
    """Ask whether anything answers there, and whether there is a token to use."""
    check = f"destination {name}"
    where = settings.url.masked()
    destination = Sematext(name, settings)
    try:
        destination.token()
        answer = destination.ask(timeout_seconds)
    except ClientError as error:
        return Finding(check, "fail", str(error), "put the token where the configuration says")
    finally:
        destination.close()
    return finding(check, where, answer)


def finding(check: str, where: str, answer: HttpResult) -> Finding:
    """Return the finding that an answer means."""
    match answer:
        case NotSent(reason):
            return Finding(check, "fail", reason, "fix the url or the proxy")
        case NoAnswer(Failure.TLS, text):
            advice = "set tls.ca_file to the authority that signed its certificate"
            return Finding(check, "fail", f"{where} does not prove who it is: {text}", advice)
        case NoAnswer(_, text):
            advice = "fix the url, the proxy, or the way there"
            return Finding(check, "fail", f"{where} cannot be reached: {text}", advice)
        case Answered():
            advice = "an event tells: sts-agent event send TryEvent --title try"
            return Finding(
                check, "ok", f"{where} answers; whether it knows the token, only an event tells", advice
            )
