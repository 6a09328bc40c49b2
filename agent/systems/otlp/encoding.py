"""A request's bytes, and what an answer's bytes say: the two encodings of OTLP/HTTP by their content types.

Here is JSON; protobuf is in a module of its own, which loads a library and is loaded only where it is configured.
"""

from typing import Any, Literal, Protocol

import msgspec

from agent.delivery.destination import DestinationError
from agent.systems.otlp.values import JsonValue

JSON_TYPE = "application/json"
PROTOBUF_TYPE = "application/x-protobuf"


class Said(msgspec.Struct, frozen=True):
    """What an answer says: how many records were rejected, and a message; both empty when all is well."""

    rejected: int = 0
    message: str = ""


class Encoding(Protocol):
    """One of the two."""

    content_type: str

    def request(self, request: JsonValue) -> bytes:
        """Return an `ExportLogsServiceRequest`, given in its JSON form."""
        ...

    def success(self, content: bytes) -> Said:
        """Return what an `ExportLogsServiceResponse` says; nothing when it is none."""
        ...

    def failure(self, content: bytes) -> str:
        """Return the message of a `Status`; empty when it is none."""
        ...


class Json:
    """JSON as proto3 maps it; of an answer snake_case and numbers are read too, as every reader of proto3 does."""

    content_type = JSON_TYPE

    def request(self, request: JsonValue) -> bytes:
        """See `Encoding`."""
        return msgspec.json.encode(request)

    def success(self, content: bytes) -> Said:
        """See `Encoding`."""
        answer = _object(content)
        partial = answer.get("partialSuccess") or answer.get("partial_success")
        if not isinstance(partial, dict):
            return Said()
        rejected = partial.get("rejectedLogRecords", partial.get("rejected_log_records"))
        message = partial.get("errorMessage", partial.get("error_message"))
        return Said(_whole(rejected), message if isinstance(message, str) else "")

    def failure(self, content: bytes) -> str:
        """See `Encoding`."""
        message = _object(content).get("message")
        return message if isinstance(message, str) else ""


def make_encoding(name: Literal["json", "protobuf"]) -> Encoding:
    """Return it; raises `DestinationError` where its library is not installed."""
    if name == "json":
        return Json()
    try:
        from agent.systems.otlp.protobuf import Protobuf
    except ImportError:
        raise DestinationError(
            "encoding: protobuf needs a library that is not installed here",
            "install the extra otlp (opentelemetry-proto) into the agent's environment, or say encoding: json",
        ) from None
    return Protobuf()


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _whole(value: Any) -> int:
    try:
        return max(int(value), 0) if isinstance(value, str | int) else 0
    except ValueError:
        return 0
