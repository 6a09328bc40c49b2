"""Sematext's event receiver as a destination: one event a request, the token in the path.

See `agent.delivery.destination` for the contract. The token is the only credential and part of the URL, so
every text that comes out is masked. Facts: Sematext, "Events API".
"""

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import msgspec

from agent.delivery.outcome import Outcome, Paused
from agent.delivery.outgoing import EVENT, Outgoing
from agent.events.stored_event import decode, read_unread_fields
from agent.http.client import HttpClient
from agent.http.credential import Credential
from agent.http.errors import ClientError
from agent.http.mask import Mask
from agent.http.result import Answered, HttpResult, NotSent
from agent.systems.http_outcome import describe, outcome_of
from agent.systems.sematext.mapping import from_stored
from agent.systems.sematext.settings import SematextSettings

_NO_APPLICATION = "application not found"
"""What the receiver says of a token that it does not know, with whatever status."""


class Sematext:
    """Posts each event to `<url>/<token>/event`."""

    max_events = 1
    kinds = frozenset({EVENT})

    def __init__(
        self,
        name: str,
        settings: SematextSettings,
        *,
        client: Callable[..., HttpClient] = HttpClient,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._base = settings.url.rstrip("/")
        self._token = Credential(settings.token, settings.token_file, what="token", option="token")
        self._mask = Mask()
        self._mask.add(urlsplit(self._base).password or "")
        self._http = client(
            tls=settings.tls, proxy=settings.proxy, no_proxy=settings.no_proxy, mask=self._mask, wall=wall
        )

    def __repr__(self) -> str:
        return f"Sematext({self.name!r}, {self._mask(self._base)!r})"

    @property
    def identity(self) -> str:
        """Return what it is, whatever its name."""
        parts = urlsplit(self._base)
        where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return hashlib.sha256(f"sematext {where}".encode()).hexdigest()

    def deliver(self, outgoing: Outgoing, timeout_seconds: float) -> Outcome:
        """POST the one event."""
        [event] = outgoing.events()
        stored, unread = decode(event.body), read_unread_fields(event.body)
        body = from_stored(stored, event.name, outgoing.hostname, unread)
        return _outcome(self._post(msgspec.json.encode(body), timeout_seconds))

    def token(self) -> str:
        """Return the token as it stands now; raises `ClientError` when there is none."""
        return self._token.get()

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Ask whether anything answers; it has no way to try a token without an event."""
        return self._http.get(self._base + "/", {}, timeout_seconds)

    def credential_changed(self) -> bool:
        """Return whether the token file is another than the one last used."""
        return self._token.has_changed()

    def cut_short(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        self._http.shorten(seconds)

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def _post(self, body: bytes, timeout_seconds: float) -> HttpResult:
        try:
            token = self.token()
        except ClientError as error:
            return NotSent(str(error))
        in_path = quote(token, safe="")
        self._mask.add(token)
        self._mask.add(in_path)
        headers = {"Content-Type": "application/json"}
        return self._http.post(f"{self._base}/{in_path}/event", body, headers, timeout_seconds)


def _outcome(result: HttpResult) -> Outcome:
    if isinstance(result, Answered):
        if _NO_APPLICATION in result.text.lower():
            return Paused(f"{describe(result)}: the token is not known there")
        if result.status == HTTPStatus.FORBIDDEN:
            return Paused(f"{describe(result)}: a limit of the plan is reached, or the token may not post")
    return outcome_of(result)
