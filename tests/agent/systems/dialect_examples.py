"""What the conformance suite of the dialects has to know of each: a new dialect adds its example here, and no test."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from agent.http.message import Request, Response


@dataclass(frozen=True)
class Example:
    """One dialect by example. Titles become events; a title of None becomes an event that nobody takes."""

    path: str
    body: Callable[[Sequence[str | None]], bytes]
    place: Callable[[int], str]
    """How the event of that index is named in an error."""
    with_value: Callable[[bytes], bytes]
    """A body of one event that holds this JSON value somewhere."""
    with_token: Sequence[Callable[[Request, str], Request]]
    is_success: Callable[[Response, int], bool]
    reason: Callable[[Response], str]
    """The text of an error, from where its clients read it; raises when the shape is another."""
    most: int = 5
    """How many events the suite may put into one body."""

    def request(self, body: bytes) -> Request:
        """Return the request that posts a body."""
        return Request("POST", self.path, self.path, "", (), body)


def _stackstate_body(titles: Sequence[str | None]) -> bytes:
    events = [{"msg_title": 5 if title is None else title} for title in titles]
    return json.dumps({"internalHostname": "edge-7", "events": {"custom": events}}).encode()


def _text(response: Response) -> str:
    assert response.content_type.startswith("text/plain")
    return bytes(response.body).decode()


STACKSTATE = Example(
    path="/receiver/stsAgent/intake/",
    body=_stackstate_body,
    place="events.custom[{}]".format,
    with_value=lambda value: (
        b'{"events": {"custom": [{"msg_title": "x", "context": {"data": {"v": %b}}}]}}' % value
    ),
    with_token=(
        lambda request, token: replace(request, query=f"api_key={token}"),
        lambda request, token: replace(request, headers=(("sts-api-key", token),)),
    ),
    is_success=lambda response, count: (
        response.status == 200 and json.loads(bytes(response.body)) == {"kept": count}
    ),
    reason=_text,
)


def _sematext_body(titles: Sequence[str | None]) -> bytes:
    events = [{"type": "t", "message": "m", "title": 5 if title is None else title} for title in titles]
    return json.dumps(events).encode()


SEMATEXT = Example(
    path="/the-token/event",
    body=_sematext_body,
    place="[{}]".format,
    with_value=lambda value: b'{"type": "t", "message": "m", "v": %b}' % value,
    with_token=(lambda request, token: replace(request, target=f"/{token}/event", path=f"/{token}/event"),),
    is_success=lambda response, _: response.status == 200,
    reason=lambda response: json.loads(bytes(response.body))["error"],
)


def _dynatrace_body(titles: Sequence[str | None]) -> bytes:
    [title] = titles
    shown = 5 if title is None else title
    return json.dumps(
        {"eventType": "CUSTOM_INFO", "source": "s", "description": "d", "title": shown}
    ).encode()


def _is_stored(response: Response) -> bool:
    stored = json.loads(bytes(response.body))
    return response.status == 200 and bool(stored["storedIds"])


DYNATRACE = Example(
    path="/e/an-environment/api/v1/events",
    body=_dynatrace_body,
    place=lambda _: "'title'",
    with_value=lambda value: (
        b'{"eventType": "CUSTOM_INFO", "source": "s", "description": "d", "v": %b}' % value
    ),
    with_token=(
        lambda request, token: replace(request, headers=(("authorization", f"Api-Token {token}"),)),
        lambda request, token: replace(request, headers=(("authorization", f"api-token {token}"),)),
    ),
    is_success=lambda response, _: _is_stored(response),
    reason=lambda response: json.loads(bytes(response.body))["error"]["message"],
    most=1,
)

EXAMPLES = {"stackstate": STACKSTATE, "dynatrace": DYNATRACE, "sematext": SEMATEXT}
