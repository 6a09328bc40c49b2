"""A strict event receiver of Sematext: its path, its required fields and its words, as its "Events API" has them."""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from agent.http.message import Request
from agent.stand_in.reply import Reply
from agent.stand_in.verdict import Found, Problem, Verdict
from agent.systems.sematext.mapping import HOST, NotAnEvent, parse_timestamp

_TEXTS = ("title", "name", "message", "type", "creator", "data", "severity", HOST)


class EventReceiverRules(msgspec.Struct, frozen=True):
    """See `agent.stand_in.verdict.Rules`; without a `token` any is right."""

    token: str | None = None

    def destination(self, origin: str) -> Mapping[str, str]:
        """Return the entry of agent.yaml that reaches it."""
        return {"type": "sematext", "url": origin, "token": self.token or "any"}

    def judge(self, request: Request, *, is_too_large: bool) -> Verdict:
        """Return what the receiver says of a request."""
        parts = request.path.strip("/").split("/")
        if len(parts) != 2:  # noqa: PLR2004 - token and type
            return Verdict(_error(404, "Not found"))
        if request.method != "POST":
            return Verdict(_error(405, "Use POST"))
        token, in_path = map(unquote, parts)
        if self.token is not None and not hmac.compare_digest(token.encode(), self.token.encode()):
            return Verdict(_error(400, f"Application not found for token {quote(token)}"))
        if is_too_large:
            return Verdict(_error(413, "The event is too large"))
        return _judged(request.body, "" if in_path == "event" else in_path)


def _judged(body: bytes, path_type: str) -> Verdict:
    try:
        event = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return Verdict(_error(400, f"Failed to parse the event: {error}"))
    if not isinstance(event, dict):
        return Verdict(_error(400, "An event is a JSON object"))
    problems = tuple(_problems(event, path_type))
    found = Found(
        name="sematext",
        event=event,
        problems=problems,
        event_type=str(event.get("type") or path_type),
        title=str(event.get("title") or event.get("name") or event.get("message") or ""),
        hostname=str(event.get(HOST) or ""),
    )
    refused = [problem for problem in problems if problem.refused]
    if refused:
        return Verdict(_error(400, f"{refused[0].where}: {refused[0].rule}"), [found])
    return Verdict(Reply(), [found])


def _problems(event: Mapping[str, Any], path_type: str) -> Iterator[Problem]:
    if not event.get("message"):
        yield Problem("message", "is required", refused=True)
    if not (event.get("type") or path_type):
        yield Problem("type", "is required", refused=True)
    for key in _TEXTS:
        if key in event and not isinstance(event[key], str):
            yield Problem(key, "is a text", refused=True)
    if "timestamp" in event:
        try:
            parse_timestamp(event["timestamp"])
        except NotAnEvent as error:
            yield Problem("timestamp", str(error), refused=True)
    tags = event.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        yield Problem("tags", "is a list of texts", refused=True)


def _error(status: int, words: str) -> Reply:
    return Reply(status, msgspec.json.encode({"error": words}))
