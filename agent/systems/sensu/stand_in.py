"""A strict Sensu: `POST /results` as a client's socket and the API take it, and the API's `GET /events`.

Without a credential nobody has to show one, as with Sensu itself; with one it is the password of Basic auth. What
results come to is kept, so that a source finds events that open, change and are resolved.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote

import msgspec

from agent.http.message import Request
from agent.stand_in.reply import Reply
from agent.stand_in.verdict import Found, Problem, Verdict
from agent.systems.sensu.stand_in_events import Events
from agent.systems.sensu.stand_in_rules import problems

_ALLOWED = {"results": "POST", "events": "GET", "info": "GET"}
_USER = "sensu"
_NOT_FOUND = Reply(404, b"")


class ServerRules(msgspec.Struct, frozen=True):
    """See `agent.stand_in.verdict.Rules`."""

    password: str | None = None
    events: Events = msgspec.field(default_factory=Events)

    def destination(self, origin: str) -> Mapping[str, str]:
        """Return the entry of agent.yaml that reaches it."""
        scheme, _, rest = origin.partition("://")
        place = rest.rpartition("@")[2]
        user = f"{_USER}:{quote(self.password, safe='')}@" if self.password else ""
        return {"type": "sensu", "url": f"{scheme}://{user}{place}"}

    def judge(self, request: Request, *, is_too_large: bool) -> Verdict:
        """Return what Sensu says of a request."""
        what, _, rest = request.path.strip("/").partition("/")
        if what not in _ALLOWED or (rest and what != "events"):
            return Verdict(_NOT_FOUND)
        if request.method != _ALLOWED[what]:
            return Verdict(Reply(405, b"", headers={"Allow": _ALLOWED[what]}))
        if not self._is_let_in(request):
            challenge = {"WWW-Authenticate": 'Basic realm="Restricted Area"'}
            return Verdict(_said(401, "the user or the password is missing or wrong", challenge))
        if what == "info":
            return Verdict(Reply(200, b'{"sensu":{"version":"1.9.0"}}'))
        if what == "events":
            return Verdict(self._shown(rest, request.query))
        if is_too_large:
            return Verdict(_said(413, "the result is too large"))
        return self._taken(request)

    def _shown(self, rest: str, query: str) -> Reply:
        client, _, check = rest.partition("/")
        if check:
            one = self.events.one(client, check)
            return _NOT_FOUND if one is None else Reply(200, msgspec.json.encode(one))
        asked = parse_qs(query)
        limit, offset = (asked.get(name, [""])[-1] for name in ("limit", "offset"))
        found = self.events.all(client)
        if not limit.isdecimal():
            return Reply(200, msgspec.json.encode(found))
        first = int(offset) if offset.isdecimal() else 0
        page = {"limit": int(limit), "offset": first, "total": len(found)}
        headers = {"X-Pagination": msgspec.json.encode(page).decode()}
        return Reply(200, msgspec.json.encode(found[first : first + int(limit)]), headers=headers)

    def _taken(self, request: Request) -> Verdict:
        if request.header("content-type").partition(";")[0].strip().lower() != "application/json":
            return Verdict(_said(415, "Invalid content type"))
        try:
            result = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, RecursionError):
            return Verdict(_said(400, "Failed to parse JSON body"))
        if not isinstance(result, dict):
            return Verdict(_said(400, "a check result is a JSON object"))
        broken = tuple(problems(result))
        found = _found(result, broken)
        refused = next((one for one in broken if one.refused), None)
        if refused is not None:
            return Verdict(_said(400, f"{refused.where}: {refused.rule}"), [found])
        self.events.take(result)
        return Verdict(_said(202, "ok"), [found])

    def _is_let_in(self, request: Request) -> bool:
        if self.password is None:
            return True
        scheme, _, credentials = request.header("authorization").partition(" ")
        try:
            shown = base64.b64decode(credentials, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(shown, self.password.encode())


def _found(result: Mapping[str, Any], broken: tuple[Problem, ...]) -> Found:
    output = result.get("output")
    return Found(
        name="sensu",
        event=result,
        problems=broken,
        identifier=str(result.get("source_identifier") or ""),
        event_type=str(result.get("event_type") or result.get("name") or ""),
        title=output.partition("\n")[0] if isinstance(output, str) else "",
        hostname=str(result.get("source") or ""),
    )


def _said(status: int, words: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, msgspec.json.encode({"response": words}), headers=headers or {})
