"""A strict StackState receiver: its paths, its key, its encodings and its words, as documented and captured."""

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from agent.http.decoding import DecodingError, decoded
from agent.http.message import Refusal, Request
from agent.stand_in.reply import Reply, text
from agent.stand_in.server import MAX_BODY_BYTES, StandIn
from agent.stand_in.verdict import Verdict
from agent.systems.stackstate.stand_in_rules import check

_ADDRESSES = ("/stsAgent", "/receiver/stsAgent")
_INTAKES = frozenset(f"{address}/intake{slash}" for address in _ADDRESSES for slash in ("", "/"))
_VALIDATES = frozenset(f"{address}/api/v1/validate" for address in _ADDRESSES)


class ReceiverRules(msgspec.Struct, frozen=True):
    """See `agent.stand_in.verdict.Rules`; without an `api_key` any key is right, but not none."""

    api_key: str | None = None
    max_body_bytes: int = MAX_BODY_BYTES

    def destination(self, origin: str) -> Mapping[str, str]:
        """Return the entry of agent.yaml that reaches it."""
        return {"type": "stackstate", "url": f"{origin}/stsAgent", "api_key": self.api_key or "any"}

    def judge(self, request: Request, *, is_too_large: bool) -> Verdict:
        """Return what the receiver says of a request."""
        if request.path in _VALIDATES:
            return Verdict(text(200, "Valid") if self._has_key(request) else text(403, "Invalid API key"))
        if request.path not in _INTAKES:
            return Verdict(text(404, "The requested resource could not be found."))
        if request.method != "POST":
            allowed = {"Allow": "POST"}
            return Verdict(text(405, "HTTP method not allowed, supported methods: POST", allowed))
        if not self._has_key(request):
            return Verdict(text(403, "Invalid API key"))
        content_type = request.header("content-type").partition(";")[0].strip().lower()
        if content_type != "application/json":
            words = "The request's Content-Type is not supported. Expected: application/json"
            return Verdict(text(415, words))
        return Verdict(self._too_large()) if is_too_large else self._intake(request)

    def _undecoded(self, refusal: Refusal) -> Reply:
        match refusal.status:
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                return self._too_large()
            case HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
                return text(415, "The request's Content-Encoding is not supported. Expected: deflate, gzip")
            case status:
                return text(status, f"The request's encoding is corrupt: {refusal.reason}")

    def _intake(self, request: Request) -> Verdict:
        encoding = request.header("content-encoding", "identity").strip().lower()
        try:
            body = decoded(request.body, encoding, self.max_body_bytes, strict=True)
        except DecodingError as error:
            return Verdict(self._undecoded(error.refusal))
        checked = check(body)
        is_odd = request.header("sts-time-format")
        broken = ["sts-time-format changes the unit of collection_timestamp"] if is_odd else []
        broken += [f"{problem.where}: {problem.rule}" for problem in checked.of_state]
        reply = Reply() if checked.refusal is None else text(400, checked.refusal)
        return Verdict(reply, checked.events, broken)

    def _has_key(self, request: Request) -> bool:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        offered = [request.header("sts-api-key"), query.get("api_key")]
        keys = [key for key in offered if key]
        if self.api_key is None:
            return bool(keys)
        wanted = self.api_key.encode()
        return bool(keys) and all(hmac.compare_digest(key.encode(), wanted) for key in keys)

    def _too_large(self) -> Reply:
        limit = self.max_body_bytes
        return text(413, f"EntityStreamSizeException: the request is larger than the limit of {limit} bytes")


class Receiver(StandIn):
    """A receiver on a port of its own; see `StandIn` for what else it can be told."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        api_key: str | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        **options: Any,
    ) -> None:
        rules = ReceiverRules(api_key, max_body_bytes)
        super().__init__(rules, host, port, max_body_bytes=max_body_bytes, **options)
