"""Every check of every client: results come in, and states, events and what other systems hear come out together.

What is known lies in the spool's memory and is changed in the transaction that keeps the results, so nothing
here can be ahead of the disk. In memory there is only how large each check is. Any thread may call it.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock

import msgspec

from agent.events.chunk import Captured, Items
from agent.events.completion import EventTooLarge
from agent.events.identity import Identity
from agent.intake.dialect import Parsed, Problem, bad_request
from agent.systems.sensu.check_state import CheckEvent, CheckState, status_of, take
from agent.systems.sensu.mapping import captured_event
from agent.systems.sensu.own_state import CREATED, is_outdated, own_results
from agent.systems.sensu.result import NAME, RESULT_KIND, Result, as_name, checked
from agent.systems.sensu.room import Room
from agent.systems.system import Lent
from collectors.collector import Remember, recall
from collectors.event import Event, EventError, new_identifier

log = logging.getLogger(__name__)

CHECKS = "check/"
"""What the keys of checks begin with, in what is remembered."""

THIS_HOST = ""
"""The client that this host's own checks are kept under: its name may change, or not be known yet."""


class Key(msgspec.Struct, frozen=True):
    """A check of a client."""

    client: str
    check: str

    @property
    def stored(self) -> str:
        """Return the key in what is remembered."""
        return f"{CHECKS}{self.client}/{self.check}"


@dataclass(slots=True)
class _Draft:
    """What some results come to, while it is not on disk."""

    states: dict[Key, CheckState] = field(default_factory=dict)
    told: list[tuple[CheckEvent, CheckState, str, str]] = field(default_factory=list)
    """Events of transitions, with their states, clients, and places in the request."""


class Registry:
    """The state of all checks."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self._memory = lent.memory()
        self._lock = Lock()
        self.problem = ""
        """Why nothing could be kept the last time; empty when it could."""
        self._room = Room(self._memory.has_room)
        for stored, value in self._memory.items(CHECKS):
            self._room.found(stored, value)

    @property
    def host(self) -> str:
        """Return this host's name as a client."""
        return as_name(self._lent.identity().hostname or "localhost")

    def take(self, results: Sequence[Result], *, force_resolve: bool = False) -> None:
        """Return when checked results and what they come to are on disk; raises `Problem` when nothing was kept."""
        is_list = len(results) > 1
        identity = self._lent.identity()
        with self._lock:
            draft = _Draft()
            for index, result in enumerate(results):
                place = f"[{index}]" if is_list else ""
                self._advance(draft, self._key_of(result), result, place, force_resolve=force_resolve)
            events = [_captured(*told, identity) for told in draft.told]
            remember = self._remembered(draft)
            self._keep(Parsed(identity, events, [self._items(results, identity)]), remember)
            self._room.changed(remember)

    @contextmanager
    def observing(self, events: Sequence[Event]) -> Iterator[Remember]:
        """Lend what is to be remembered of this host's own events; they are kept together while this lasts."""
        results = own_results(events)
        if not results:
            yield {}
            return
        with self._lock:
            remember = self._remembered_of_own(results)
            yield remember
            self._room.changed(remember)

    def _remembered_of_own(self, results: Sequence[Result]) -> Remember:
        """Return what to remember, nothing where that fails: what a collector saw is kept all the same."""
        try:
            draft = _Draft()
            for result in results:
                self._advance_own(draft, Key(THIS_HOST, result["name"]), result)
            return self._remembered(draft)
        except Problem as problem:
            log.warning("sensu: the state of this host is not remembered: %s", problem)
        except Exception:
            log.exception("sensu: the state of this host is not remembered")
        return {}

    def resolve(self, client: str, check: str) -> bool:
        """End the event of a check by a result of status 0, as an API's client asks; False when there is none."""
        state = self.state(client, check)
        if state is None or state.event is None:
            return False
        kept = {key: value for key, value in state.result.items() if key not in {"issued", "duration"}}
        result = checked(
            kept | {"output": "Resolving on request of the API", "status": 0, "executed": int(time.time())}
        )
        self.take([result], force_resolve=True)
        return True

    def forget(self, client: str, check: str | None = None) -> bool:
        """Forget a check, or a client with all its checks; False when nothing is known of it."""
        with self._lock:
            prefix = f"{CHECKS}{self._own(client)}/"
            keys = [
                stored
                for stored, _ in self._memory.items(prefix)
                if check is None or stored == prefix + check
            ]
            if keys:
                self.change(dict.fromkeys(keys))
            return bool(keys)

    def change(self, remember: Mapping[str, bytes | None]) -> None:
        """Remember what is no result; raises `Problem` when it is not on disk. Checks are changed under the lock."""
        self._keep(Parsed(self._lent.identity()), remember)
        self._room.changed({key: value for key, value in remember.items() if key.startswith(CHECKS)})

    def get(self, key: str) -> bytes | None:
        """Return what is remembered under a key."""
        return self._memory.get(key)

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Yield what is remembered under keys that begin so."""
        return self._memory.items(prefix)

    def state(self, client: str, check: str) -> CheckState | None:
        """Return what is known of a check, or None."""
        return self._read(Key(self._own(client), check))

    def states(self, client: str | None = None) -> Iterator[tuple[str, CheckState]]:
        """Yield each check's client and state, of one client or of all, in the order of their names."""
        prefix = CHECKS if client is None else f"{CHECKS}{self._own(client)}/"
        for stored, value in self._memory.items(prefix):
            state = recall(value, CheckState)
            if state is not None:
                yield stored.split("/")[1] or self.host, state

    def _keep(self, parsed: Parsed, remember: Remember) -> None:
        try:
            self._lent.keep(parsed, remember)
        except Problem as problem:
            self.problem = str(problem)
            raise
        self.problem = ""

    def _own(self, client: str) -> str:
        return THIS_HOST if client == self.host else client

    def _key_of(self, result: Result) -> Key:
        return Key(self._own(result.get("source", THIS_HOST)), result["name"])

    def _read(self, key: Key) -> CheckState | None:
        return recall(self._memory.get(key.stored), CheckState)

    def _advance(
        self, draft: _Draft, key: Key, result: Result, place: str = "", *, force_resolve: bool = False
    ) -> None:
        state = draft.states.get(key) or self._read(key) or CheckState()
        outcome = take(
            state, result, now=int(time.time()), new_id=new_identifier(), force_resolve=force_resolve
        )
        draft.states[key] = outcome.state
        if outcome.is_transition and outcome.event is not None:
            draft.told.append((outcome.event, outcome.state, key.client, place))

    def _advance_own(self, draft: _Draft, key: Key, result: Result) -> None:
        state = draft.states.get(key) or self._read(key)
        if state is None and not status_of(result) and CREATED not in result:
            return  # a unit that was always well: there may be hundreds
        if state is None or not is_outdated(result, state.result):
            self._advance(draft, key, result)

    def _remembered(self, draft: _Draft) -> dict[str, bytes | None]:
        encoded: dict[str, bytes | None] = {
            key.stored: msgspec.json.encode(state) for key, state in draft.states.items()
        }
        return {**self._room.make(encoded), **encoded}

    def _items(self, results: Sequence[Result], identity: Identity) -> Items:
        """Return the results as Sensu destinations get them: as they came, with the source that they are of."""
        known = {"source": as_name(identity.hostname)} if identity.hostname else {}
        return Items(
            kind=RESULT_KIND,
            name=NAME,
            hostname=identity.hostname,
            timestamp=min(result["executed"] for result in results),
            bodies=[msgspec.json.encode(known | result) for result in results],
        )


def _captured(event: CheckEvent, state: CheckState, client: str, place: str, identity: Identity) -> Captured:
    try:
        return captured_event(event, state, client, identity)
    except EventTooLarge as error:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error), place) from None
    except (EventError, msgspec.MsgspecError) as error:
        raise bad_request(str(error), place) from None
