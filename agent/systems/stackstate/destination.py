"""A StackState receiver as a destination: its key's place, its requests, what its answers mean.

See `agent.delivery.destination` for the contract. It never sends the key anywhere but to the configured
address: no redirect is followed, and after the first success the key stays where it worked.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Literal
from urllib.parse import quote

from agent.delivery.outcome import Delivered, Outcome, Paused
from agent.delivery.outgoing import Outgoing
from agent.http.client import HttpClient
from agent.http.credential import Credential
from agent.http.errors import ClientError
from agent.http.result import Answered, HttpResult, NotSent
from agent.systems.http_destination import HttpDestination, MakeClient
from agent.systems.http_outcome import is_success, outcome_of
from agent.systems.stackstate.address import parse_address
from agent.systems.stackstate.body import KINDS, Part, body_of, encode
from agent.systems.stackstate.settings import StackStateSettings
from agent.systems.stackstate.snapshots import Snapshots
from agent.systems.system import Surroundings

Place = Literal["header", "query", "both"]

SERVICE = "service"
"""The name of events after which the state of services is likely another."""

_KEY_REFUSED = {401, 403}


_ALONE = Surroundings()


class StackState(HttpDestination):
    """Sends the common JSON object to one receiver."""

    kinds = KINDS

    def __init__(
        self,
        name: str,
        settings: StackStateSettings,
        surroundings: Surroundings = _ALONE,
        *,
        client: MakeClient = HttpClient,
    ) -> None:
        address = parse_address(settings.url)
        self._key = Credential(settings.api_key or address.api_key, settings.api_key_file, what="key")
        super().__init__(name, settings, address.url, self._key, client=client)
        self.max_events = settings.batch.max_events
        self._settings = settings
        self._proven: Place | None = None
        self._snapshots = Snapshots(settings, surroundings.hostname, surroundings.host_state, time.monotonic)

    def deliver(self, outgoing: Outgoing, timeout_seconds: float) -> Outcome:
        """POST the events once, or twice while it is not known where this receiver wants the key."""
        outcome = self._post(body_of(outgoing, int(time.time())), timeout_seconds)
        if self.due_seconds() is None:
            return outcome
        if not isinstance(outcome, Delivered):
            self._snapshots.lost()
        elif self._snapshots.has_lost or any(chunk.name == SERVICE for chunk in outgoing.chunks()):
            self._snapshots.hurry()
        return outcome

    def due_seconds(self) -> float | None:
        """Return after how many seconds topology and health are due; None where neither is asked for."""
        return self._snapshots.due_seconds()

    def tell_state(self, timeout_seconds: float) -> Outcome:
        """POST the topology and health of this host as they are now."""
        try:
            key = self._key.get()
        except ClientError as error:
            return Paused(str(error))
        body = self._snapshots.make(key, time.time())
        if body is None:
            return Delivered()
        outcome = self._post([body], timeout_seconds)
        if isinstance(outcome, Delivered):
            self._snapshots.told()
        else:
            self._snapshots.lost()
        return outcome

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Ask the receiver whether it knows the key: 2xx when it does, 403 when not."""
        return self._first_answer("/api/v1/validate", self._http.get, {}, timeout_seconds)

    def _post(self, parts: list[Part], timeout_seconds: float) -> Outcome:
        body, encoding = encode(parts, self._settings.compression)
        headers = {"Content-Type": "application/json"}
        if encoding:
            headers["Content-Encoding"] = encoding
        post = partial(self._http.post, body=body)
        return outcome_of(self._first_answer("/intake", post, headers, timeout_seconds))

    def _first_answer(
        self, path: str, ask: Callable[..., HttpResult], headers: dict[str, str], timeout_seconds: float
    ) -> HttpResult:
        """Return the first answer that does not refuse the key, of the places where the key may go."""
        try:
            key = self._key.get()
        except ClientError as error:
            return NotSent(str(error))
        self._mask.add(key)
        ends = time.monotonic() + timeout_seconds
        refused: Answered | None = None
        for place in self._places():
            answer = ask(
                self._target(path, key, place),
                headers={**headers, **_key_headers(key, place)},
                timeout_seconds=max(ends - time.monotonic(), 0.001),
            )
            if isinstance(answer, Answered) and answer.status in _KEY_REFUSED:
                refused = refused or answer
                continue
            if isinstance(answer, Answered) and is_success(answer):
                self._proven = place
            return answer
        assert refused is not None  # noqa: S101 - there is always a place
        return refused

    def _places(self) -> tuple[Place, ...]:
        match self._settings.key_in:
            case "auto":
                return (self._proven,) if self._proven else ("header", "query")
            case place:
                return (place,)

    def _target(self, path: str, key: str, place: Place) -> str:
        query = "" if place == "header" else f"?api_key={quote(key, safe='')}"
        return f"{self._url}{path}{query}"


def _key_headers(key: str, place: Place) -> dict[str, str]:
    return {} if place == "query" else {"sts-api-key": key}
