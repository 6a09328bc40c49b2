"""An environment of Dynatrace as a destination: one event a request, by version 1 or 2 of its events API.

See `agent.delivery.destination` for the contract. The token goes into its header and nowhere else. An event that is
too late for the API is judged here, without asking. Facts: Dynatrace, "Events API".
"""

import re
import time
from functools import partial

import msgspec

from agent.delivery.outcome import Delivered, Outcome, Refused, TooLarge
from agent.delivery.outgoing import EVENT, Outgoing
from agent.events import stored_event
from agent.http.credential import Credential
from agent.http.errors import ClientError
from agent.http.result import HttpResult, NotSent
from agent.systems.dynatrace.answers import meaning
from agent.systems.dynatrace.lasting import LastingProblems, as_problem, failing
from agent.systems.dynatrace.lateness import as_information, is_late_problem, is_too_old
from agent.systems.dynatrace.rules import VERSIONS
from agent.systems.dynatrace.selector import attach_rules
from agent.systems.dynatrace.settings import DynatraceSettings
from agent.systems.dynatrace.to_desk import Terms, message_of
from agent.systems.http_destination import HttpDestination
from agent.systems.system import Surroundings

_ALONE = Surroundings()
_PASTED_PATH = re.compile(r"(/api(/v[12](/events(/ingest)?)?)?)?/*$")


class Dynatrace(HttpDestination):
    """Posts each event to the events API below a base URL."""

    max_events = 1
    kinds = frozenset({EVENT})

    def __init__(
        self,
        name: str,
        settings: DynatraceSettings,
        surroundings: Surroundings = _ALONE,
    ) -> None:
        self._token = Credential(
            settings.api_token, settings.api_token_file, what="API token", option="api_token"
        )
        base = _PASTED_PATH.sub("", settings.url)  # both versions of the API lead to the same place
        super().__init__(name, settings, base, self._token)
        self._version = VERSIONS[settings.api]
        self._terms = Terms(
            self._version,
            attach_rules(settings.attach.entity_ids, settings.attach.tags),
            settings.problem_timeout,
        )
        owner = f"dynatrace/{self.identity[:16]}"
        self._lasting = LastingProblems(
            self._version,
            settings.problem_timeout,
            memory=surroundings.memory(owner),
            remember=partial(surroundings.remember, owner),
            failing=lambda: failing(surroundings.host_state()),
            clock=time.monotonic,
        )

    def deliver(self, outgoing: Outgoing, timeout_seconds: float) -> Outcome:
        """POST the one event, as what it still can be at this time."""
        [event] = outgoing.events()
        stored = stored_event.read(event.body)
        if stored is None:
            return Refused("this is no event", is_verdict=True)
        now_ms = int(time.time() * 1000)
        unread = stored_event.read_unread_fields(event.body)
        captured_ms = int(event.captured * 1000)
        message = message_of(stored, event.name, captured_ms, self._terms, unread)
        if is_too_old(message, self._version, now_ms):
            return Refused("it is more than 30 days old, and the events API takes none", is_verdict=True)
        is_late = is_late_problem(message, self._version, now_ms)
        alert = as_problem(stored, event.name)
        problem = message_of(alert, event.name, captured_ms, self._terms, unread) if alert else message
        self._lasting.note(stored, event.name, problem, is_late=is_late)
        if is_late:
            message = as_information(message, self._version)
        return meaning(self._post(message, timeout_seconds), self._version, time.time)

    def due_seconds(self) -> float | None:
        """Return after how many seconds a problem that lasts is refreshed; None while none does."""
        return self._lasting.due_seconds()

    def tell_state(self, timeout_seconds: float) -> Outcome:
        """POST one problem that is due again, as it was; one that the environment refuses for good is let go."""
        due = self._lasting.next(int(time.time() * 1000))
        if due is None:
            return Delivered()
        unit, message = due
        outcome = meaning(self._post(message, timeout_seconds), self._version, time.time)
        self._lasting.refreshed(unit, has_arrived=isinstance(outcome, Delivered))
        may_pass = isinstance(outcome, Refused) and outcome.retry_until is not None
        if isinstance(outcome, Refused | TooLarge) and not may_pass:
            self._lasting.forget(unit)
        return outcome

    def ask(self, timeout_seconds: float) -> HttpResult:
        """Ask for nothing of an event, with the token: what is answered tells whether it is known."""
        return self._asked(None, timeout_seconds)

    def _post(self, message: dict[str, object], timeout_seconds: float) -> HttpResult:
        return self._asked(msgspec.json.encode(message), timeout_seconds)

    def _asked(self, body: bytes | None, timeout_seconds: float) -> HttpResult:
        try:
            token = self._token.get()
        except ClientError as error:
            return NotSent(str(error))
        self._mask.add(token)
        url = f"{self._url}{self._version.path}"
        headers = {"Authorization": f"Api-Token {token}"}
        if body is None:
            return self._http.get(url, headers, timeout_seconds)
        headers["Content-Type"] = "application/json; charset=utf-8"
        return self._http.post(url, body, headers, timeout_seconds)
