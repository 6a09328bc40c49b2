"""A receiver of OTLP/HTTP logs as a destination: its request, its credentials, what its answers mean.

See `agent.delivery.destination` for the contract. Facts: OpenTelemetry, "OTLP Specification", OTLP/HTTP. A partial
success names how many records were rejected and not which, so the delivery searches for them, and never are events
given up for an answer that may be about all of them; see docs/decisions/0053-partial-success.md.
"""

import logging
import zlib
from urllib.parse import urlsplit

import msgspec

from agent.delivery.outcome import Outcome, Refused
from agent.delivery.outgoing import EVENT, Outgoing
from agent.events.clock import read_machine_id
from agent.http.credential import Credential
from agent.http.errors import ClientError
from agent.http.result import Answered, HttpResult, NotSent
from agent.systems.http_destination import HttpDestination
from agent.systems.http_outcome import is_success, outcome_of
from agent.systems.otlp.encoding import JSON_TYPE, PROTOBUF_TYPE, Json, make_encoding
from agent.systems.otlp.mapping import export_request
from agent.systems.otlp.settings import OtlpSettings
from agent.systems.otlp.values import JsonValue

PATH = "/v1/logs"

_LOG = logging.getLogger("agent.delivery")

_LEAST_SECRET = 6
"""Characters of a header's value that is masked in texts: masking a shorter one would only spoil them."""


class Otlp(HttpDestination):
    """Posts events as log records to `<url>/v1/logs`."""

    kinds = frozenset({EVENT})

    def __init__(self, name: str, settings: OtlpSettings) -> None:
        """Raise `DestinationError` where the encoding's library is not installed."""
        has_token = settings.token is not None or settings.token_file is not None
        self._token = (
            Credential(settings.token, settings.token_file, what="token", option="token")
            if has_token
            else None
        )
        super().__init__(name, settings, _endpoint(settings.url), self._token)
        self.max_events = settings.batch.max_events
        self._settings = settings
        self._encoding = make_encoding(settings.encoding)
        self._headers = {key: value.reveal() for key, value in (settings.headers or {}).items()}
        for secret in _secrets(self._headers):
            self._mask.add(secret)
        self._has_warned = False

    def deliver(self, outgoing: Outgoing, timeout_seconds: float) -> Outcome:
        """POST the events as log records."""
        answer = self._post(export_request(outgoing, read_machine_id()), timeout_seconds)
        if isinstance(answer, Answered) and is_success(answer):
            encoding = Json() if _content_type(answer) == JSON_TYPE else self._encoding
            said = encoding.success(answer.content)
            message = " ".join(self._mask(said.message).split())[:300]
            if said.rejected:
                return Refused(f"partial success, {said.rejected} of {outgoing.count} rejected: {message}")
            if message:
                self._warn(message)
        return outcome_of(answer)

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Send a request without a record: it tries the address and the credential."""
        return self._post({"resourceLogs": []}, timeout_seconds)

    def _post(self, request: JsonValue, timeout_seconds: float) -> HttpResult:
        headers = {
            **self._headers,
            "Content-Type": self._encoding.content_type,
            "Content-Encoding": "gzip",
        }
        try:
            if self._token is not None:
                token = self._token.get()
                self._mask.add(token)
                headers["Authorization"] = f"{self._settings.scheme} {token}"
        except ClientError as error:
            return NotSent(str(error))
        body = _gzip(self._encoding.request(request))
        return self._readable(self._http.post(self._url, body, headers, timeout_seconds))

    def _readable(self, answer: HttpResult) -> HttpResult:
        """Return an answer whose text is its message, where it is in protobuf: that is no text."""
        if not isinstance(answer, Answered) or _content_type(answer) != PROTOBUF_TYPE:
            return answer
        return msgspec.structs.replace(answer, text=self._mask(self._encoding.failure(answer.content)))

    def _warn(self, message: str) -> None:
        """Tell what a receiver says of records that it took: once, since it may say it of every request."""
        _LOG.log(
            logging.DEBUG if self._has_warned else logging.WARNING,
            "%s: the receiver took everything and says: %s",
            self.name,
            message,
        )
        self._has_warned = True


def _endpoint(url: str) -> str:
    """Return where logs go; a base that was pasted with its path is taken too."""
    parts = urlsplit(url)
    return parts._replace(
        path=parts.path.rstrip("/").removesuffix(PATH).rstrip("/") + PATH, fragment=""
    ).geturl()


def _secrets(headers: dict[str, str]) -> list[str]:
    words = [word for value in headers.values() for word in (value, *value.split())]
    return [word for word in words if len(word) >= _LEAST_SECRET]


def _gzip(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=31)
    return stream.compress(body) + stream.flush()


def _content_type(answer: Answered) -> str:
    types = [value for name, value in answer.headers.items() if name.lower() == "content-type"]
    return types[0].partition(";")[0].strip().lower() if types else ""
