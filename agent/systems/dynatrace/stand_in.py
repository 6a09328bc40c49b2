"""A strict environment of Dynatrace: its paths, its token, its words, both versions of its events API, as documented.

A message that a rule refuses is answered as the API does; see `check` and `strict` for the rules.
"""

import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from agent.events.identity import Identity
from agent.http.message import Request
from agent.stand_in.reply import Reply
from agent.stand_in.verdict import Found, Problem, Verdict
from agent.systems.dynatrace.check import Violation, violations, without_nulls
from agent.systems.dynatrace.from_desk import to_stored
from agent.systems.dynatrace.rules import V1, V2, Version
from agent.systems.dynatrace.stored_ids import result
from agent.systems.dynatrace.strict import age, strict
from agent.systems.dynatrace.title import title_of

_PATHS = {version.name: re.compile(rf"(?:/e/[^/]+)?{version.path}/?") for version in (V1, V2)}
_TOKEN = re.compile(r"api-token (?P<token>\S+)", re.IGNORECASE)
_INVALID_TIMES = {"reportCount": 1, "eventIngestResults": [{"status": "INVALID_TIMESTAMPS"}]}


class EnvironmentRules(msgspec.Struct, frozen=True):
    """See `agent.stand_in.verdict.Rules`; without a `token` any is right, but not none."""

    token: str | None = None
    wall: Callable[[], float] = time.time

    def destination(self, origin: str) -> Mapping[str, Any]:
        """Return the entry of agent.yaml that reaches it."""
        return {
            "type": "dynatrace",
            "url": origin,
            "api_token": self.token or "any",
            "attach": {"tags": ["edge"]},
        }

    def judge(self, request: Request, *, is_too_large: bool) -> Verdict:
        """Return what the environment says of a request."""
        version = next((one for one in (V1, V2) if _PATHS[one.name].fullmatch(request.path)), None)
        if version is None:
            return Verdict(_error(404, "HTTP 404 Not Found"))
        if not self._has_token(request):
            return Verdict(_error(401, "Token Authentication failed"))
        if request.method != "POST":
            return Verdict(_error(405, "HTTP 405 Method Not Allowed"))
        if request.header("content-type").partition(";")[0].strip().lower() != "application/json":
            return Verdict(_error(415, "HTTP 415 Unsupported Media Type"))
        if is_too_large:
            return Verdict(_error(413, "The payload is larger than 1 MB"))
        return self._judged(request.body, version)

    def _has_token(self, request: Request) -> bool:
        found = _TOKEN.fullmatch(request.header("authorization"))
        if found is None:
            return False
        return self.token is None or hmac.compare_digest(found["token"].encode(), self.token.encode())

    def _judged(self, body: bytes, version: Version) -> Verdict:
        try:
            posted = msgspec.json.decode(body)
        except (msgspec.MsgspecError, RecursionError) as error:
            return Verdict(_error(400, f"Could not map JSON at '': {error}"))
        if not isinstance(posted, dict):
            return Verdict(_error(400, "Could not map JSON at '': an object is expected"))
        message = without_nulls(posted)
        now_ms = int(self.wall() * 1000)
        broken = [*violations(message, version)] or [*strict(message, version)]
        if broken:
            return Verdict(_error(400, "Constraints violated.", broken), [_found(message, broken)])
        if late := [*age(message, version, now_ms)]:
            found = [_found(message, late)]
            if version is V2:
                return Verdict(Reply(201, msgspec.json.encode(_INVALID_TIMES)), found)
            return Verdict(_error(400, late[0].message, late), found)
        stored = result(to_stored(message, version, Identity(""), now_ms), message, version, now_ms)
        status = 201 if version is V2 else 200
        return Verdict(Reply(status, msgspec.json.encode(stored)), [_found(message, ())])


def _found(message: Mapping[str, Any], broken: Sequence[Violation]) -> Found:
    kind = str(message.get("eventType", "no eventType"))
    properties = message.get(V1.properties, message.get(V2.properties))
    texts = properties if isinstance(properties, dict) else {}
    title = title_of({"eventType": kind, **message})
    return Found(
        name=kind,
        event=message,
        problems=tuple(Problem(one.path, one.message, refused=True) for one in broken),
        identifier=str(texts.get("source_identifier", "")),
        event_type=str(texts.get("event_type", kind)),
        title=title if message.get("title") else str(texts.get("title", title)),
        hostname=str(texts.get("host", "")),
    )


def _error(status: int, words: str, broken: Sequence[Violation] = ()) -> Reply:
    error: dict[str, Any] = {"code": status, "message": words}
    if broken:
        error["message"] = f"{words} {broken[0].path}: {broken[0].message}"
        error["constraintViolations"] = [
            {"path": one.path, "message": one.message, "parameterLocation": "PAYLOAD_BODY", "location": None}
            for one in broken
        ]
    return Reply(status, msgspec.json.encode({"error": error}))
