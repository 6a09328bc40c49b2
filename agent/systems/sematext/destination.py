"""Sematext's event receiver as a destination: one event a request, the token in the path.

See `agent.delivery.destination` for the contract. The token is the only credential and part of the URL, so
every text that comes out is masked. Facts: Sematext, "Events API".
"""

from http import HTTPStatus
from urllib.parse import quote

import msgspec

from agent.delivery.outcome import Outcome, Paused
from agent.delivery.outgoing import EVENT, Outgoing
from agent.events.stored_event import decode, read_unread_fields
from agent.http.credential import Credential
from agent.http.errors import ClientError
from agent.http.result import Answered, HttpResult, NotSent
from agent.systems.http_destination import HttpDestination
from agent.systems.http_outcome import describe, outcome_of
from agent.systems.sematext.mapping import from_stored
from agent.systems.sematext.settings import SematextSettings

_NO_APPLICATION = "application not found"
"""What the receiver says of a token that it does not know, with whatever status."""


class Sematext(HttpDestination):
    """Posts each event to `<url>/<token>/event`."""

    max_events = 1
    kinds = frozenset({EVENT})

    def __init__(self, name: str, settings: SematextSettings) -> None:
        self._token = Credential(settings.token, settings.token_file, what="token", option="token")
        super().__init__(name, settings, settings.url.rstrip("/"), self._token)

    def deliver(self, outgoing: Outgoing, timeout_seconds: float) -> Outcome:
        """POST the one event."""
        [event] = outgoing.events()
        stored, unread = decode(event.body), read_unread_fields(event.body)
        body = from_stored(stored, event.name, outgoing.hostname, unread)
        return _outcome(self._post(msgspec.json.encode(body), timeout_seconds))

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Ask whether anything answers, where there is a token; it has no way to try one without an event."""
        try:
            self._token.get()
        except ClientError as error:
            return NotSent(str(error))
        return self._http.get(self._url + "/", {}, timeout_seconds)

    def _post(self, body: bytes, timeout_seconds: float) -> HttpResult:
        try:
            token = self._token.get()
        except ClientError as error:
            return NotSent(str(error))
        in_path = quote(token, safe="")
        self._mask.add(token)
        self._mask.add(in_path)
        headers = {"Content-Type": "application/json"}
        return self._http.post(f"{self._url}/{in_path}/event", body, headers, timeout_seconds)


def _outcome(result: HttpResult) -> Outcome:
    if isinstance(result, Answered):
        if _NO_APPLICATION in result.text.lower():
            return Paused(f"{describe(result)}: the token is not known there")
        if result.status == HTTPStatus.FORBIDDEN:
            return Paused(f"{describe(result)}: a limit of the plan is reached, or the token may not post")
    return outcome_of(result)
