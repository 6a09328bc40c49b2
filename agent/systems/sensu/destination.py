"""A Sensu client's HTTP socket, or a Sensu API, as a destination: one check result a request.

See `agent.delivery.destination` for the contract. The only credential is in the URL, where it has one, so every
text that comes out is masked. Both answer 202; facts: Sensu Core 1.x, "Results API" and "Client socket input".
"""

import hashlib
import re
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import msgspec

from agent.delivery.outcome import Outcome
from agent.delivery.outgoing import EVENT, Outgoing
from agent.events.stored_event import decode, read_unread_fields
from agent.http.client import HttpClient
from agent.http.mask import Mask
from agent.http.result import HttpResult
from agent.systems.http_outcome import outcome_of
from agent.systems.sensu.outgoing import check_result, unchanged
from agent.systems.sensu.result import RESULT_KIND
from agent.systems.sensu.settings import SensuSettings

_PASTED_PATH = re.compile(r"(/results)?/*$")
_HEADERS = {"Content-Type": "application/json"}


class Sensu:
    """Posts each result to `<url>/results`."""

    max_events = 1
    kinds = frozenset({EVENT, RESULT_KIND})

    def __init__(
        self,
        name: str,
        settings: SensuSettings,
        *,
        client: Callable[..., HttpClient] = HttpClient,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._base = _PASTED_PATH.sub("", settings.url)
        self._mask = mask_of(self._base)
        self._http = client(
            tls=settings.tls, proxy=settings.proxy, no_proxy=settings.no_proxy, mask=self._mask, wall=wall
        )

    def __repr__(self) -> str:
        return f"Sensu({self.name!r}, {self._mask(self._base)!r})"

    @property
    def identity(self) -> str:
        """Return what it is, whatever its name."""
        return hashlib.sha256(f"sensu {without_credentials(self._base)}".encode()).hexdigest()

    def deliver(self, outgoing: Outgoing, timeout_seconds: float) -> Outcome:
        """POST the one result."""
        [event] = outgoing.events()
        if outgoing.kind == RESULT_KIND:
            body = unchanged(event.body, outgoing.hostname, event.captured)
        else:
            stored, unread = decode(event.body), read_unread_fields(event.body)
            result = check_result(stored, event.name, outgoing.hostname, event.captured, unread)
            body = msgspec.json.encode(result)
        return outcome_of(self._http.post(f"{self._base}/results", body, _HEADERS, timeout_seconds))

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Ask what both know: who they are."""
        return self._http.get(f"{self._base}/info", {}, timeout_seconds)

    def credential_changed(self) -> bool:
        """Return whether the credential is another: it is part of the configuration, so it never is."""
        return False

    def cut_short(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        self._http.shorten(seconds)

    def close(self) -> None:
        """Close connections."""
        self._http.close()


def mask_of(url: str) -> Mask:
    """Return what takes the password of a URL out of texts."""
    mask = Mask()
    password = urlsplit(url).password or ""
    for spelling in (password, unquote(password)):
        mask.add(spelling)
    return mask


def without_credentials(url: str) -> str:
    """Return the URL without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
