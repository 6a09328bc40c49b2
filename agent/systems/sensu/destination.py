"""A Sensu client's HTTP socket, or a Sensu API, as a destination: one check result a request.

See `agent.delivery.destination` for the contract. The only credential is in the URL, where it has one, so every
text that comes out is masked. Both answer 202; facts: Sensu Core 1.x, "Results API" and "Client socket input".
"""

import re

import msgspec

from agent.delivery.outcome import Outcome
from agent.delivery.outgoing import EVENT, Outgoing
from agent.events.stored_event import decode, read_unread_fields
from agent.http.result import HttpResult
from agent.systems.http_destination import HttpDestination
from agent.systems.http_outcome import outcome_of
from agent.systems.sensu.outgoing import check_result, unchanged
from agent.systems.sensu.result import RESULT_KIND
from agent.systems.sensu.settings import SensuSettings

_PASTED_PATH = re.compile(r"(/results)?/*$")
_HEADERS = {"Content-Type": "application/json"}


class Sensu(HttpDestination):
    """Posts each result to `<url>/results`."""

    max_events = 1
    kinds = frozenset({EVENT, RESULT_KIND})

    def __init__(self, name: str, settings: SensuSettings) -> None:
        super().__init__(name, settings, _PASTED_PATH.sub("", settings.url))

    def deliver(self, outgoing: Outgoing, timeout_seconds: float) -> Outcome:
        """POST the one result."""
        [event] = outgoing.events()
        if outgoing.kind == RESULT_KIND:
            body = unchanged(event.body, outgoing.hostname, event.captured)
        else:
            stored, unread = decode(event.body), read_unread_fields(event.body)
            result = check_result(stored, event.name, outgoing.hostname, event.captured, unread)
            body = msgspec.json.encode(result)
        return outcome_of(self._http.post(f"{self._url}/results", body, _HEADERS, timeout_seconds))

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Ask what both know: who they are."""
        return self._http.get(f"{self._url}/info", {}, timeout_seconds)
