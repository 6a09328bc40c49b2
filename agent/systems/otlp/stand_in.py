"""A strict receiver of OTLP/HTTP logs: its path, its encodings, its credential, and answers in the request's own encoding."""

import hmac
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from agent.http.decoding import DecodingError, decoded
from agent.http.message import Request
from agent.stand_in.reply import Reply
from agent.stand_in.server import MAX_BODY_BYTES
from agent.stand_in.verdict import Verdict
from agent.systems.otlp.encoding import JSON_TYPE, PROTOBUF_TYPE
from agent.systems.otlp.stand_in_rules import check
from agent.systems.otlp.values import JsonValue

_PATH = "/v1/logs"
_INVALID, _UNAUTHENTICATED, _TOO_LARGE = 3, 16, 8
"""Codes of `google.rpc.Status`."""


class LogsRules(msgspec.Struct, frozen=True):
    """See `agent.stand_in.verdict.Rules`; without a `token` any is right, and none: receivers on the host want none."""

    token: str | None = None
    max_body_bytes: int = MAX_BODY_BYTES

    def destination(self, origin: str) -> Mapping[str, str]:
        """Return the entry of agent.yaml that reaches it."""
        entry = {"type": "otlp", "url": origin}
        return {**entry, "token": self.token} if self.token else entry

    def judge(self, request: Request, *, is_too_large: bool) -> Verdict:
        """Return what the receiver says of a request."""
        media_type = request.header("content-type").partition(";")[0].strip().lower()
        if request.path != _PATH:
            return Verdict(_failure(media_type, 404, _INVALID, f"there is only {_PATH} here"))
        if request.method != "POST":
            return Verdict(_failure(media_type, 405, _INVALID, "use POST"))
        if not self._is_let_in(request):
            return Verdict(_failure(media_type, 401, _UNAUTHENTICATED, "the credential is missing or wrong"))
        if media_type not in {JSON_TYPE, PROTOBUF_TYPE}:
            words = f"Content-Type is neither {JSON_TYPE} nor {PROTOBUF_TYPE}"
            return Verdict(_failure(media_type, 415, _INVALID, words))
        if is_too_large:
            return Verdict(self._too_large(media_type))
        return self._export(request, media_type)

    def _export(self, request: Request, media_type: str) -> Verdict:
        encoding = request.header("content-encoding", "identity").strip().lower()
        try:
            if encoding not in {"identity", "gzip"}:
                return Verdict(_failure(media_type, 415, _INVALID, "Content-Encoding is not gzip"))
            body = decoded(request.body, encoding, self.max_body_bytes, strict=True)
            document, broken = _document(body, media_type)
        except ImportError:
            words = "reading protobuf needs opentelemetry-proto here, the extra otlp"
            return Verdict(_failure(media_type, 415, _INVALID, words))
        except DecodingError as error:
            if error.refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                return Verdict(self._too_large(media_type))
            return Verdict(_failure(media_type, 400, _INVALID, f"the body cannot be read: {error}"))
        except ValueError as error:
            return Verdict(_failure(media_type, 400, _INVALID, f"the body cannot be read: {error}"))
        checked = check(document)
        broken = [*broken, *(f"{one.where}: {one.rule}" for one in checked.problems)]
        refused = next((one for one in checked.everything if one.refused), None)
        if refused is not None:
            words = f"{refused.where}: {refused.rule}"
            return Verdict(_failure(media_type, 400, _INVALID, words), checked.found, broken)
        return Verdict(_success(media_type), checked.found, broken)

    def _is_let_in(self, request: Request) -> bool:
        if self.token is None:
            return True
        scheme, _, token = request.header("authorization").partition(" ")
        return bool(scheme) and hmac.compare_digest(token.encode(), self.token.encode())

    def _too_large(self, media_type: str) -> Reply:
        words = f"the request is larger than the limit of {self.max_body_bytes} bytes"
        return _failure(media_type, 413, _TOO_LARGE, words)


def _document(body: bytes, media_type: str) -> tuple[JsonValue | object, list[str]]:
    """Return the request in its JSON form and what is wrong with its encoding; raises `ValueError`."""
    if media_type == PROTOBUF_TYPE:
        from agent.systems.otlp.protobuf import to_json_form

        form, has_unknown = to_json_form(body)
        return form, ["the request has fields that its message has not"] if has_unknown else []
    try:
        return msgspec.json.decode(body), []
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _success(media_type: str) -> Reply:
    return Reply(200, b"" if media_type == PROTOBUF_TYPE else b"{}", media_type)


def _failure(media_type: str, status: int, code: int, words: str) -> Reply:
    """Return a `Status` in the request's encoding."""
    if media_type == PROTOBUF_TYPE:
        text = words.encode("ascii", "replace")[:127]  # its length is one byte
        return Reply(status, bytes([0x08, code, 0x12, len(text)]) + text, PROTOBUF_TYPE)
    return Reply(status, msgspec.json.encode({"code": code, "message": words}), JSON_TYPE)
