"""The remote side of a test host: the strict receiver, which can be away for a while and keeps its port."""

import threading
from collections.abc import Callable
from typing import Any

from harness.free_ports import free_port

from agent.stand_in import Received, Reply, Request
from agent.systems.stackstate.stand_in import Receiver as StrictReceiver

Json = dict[str, Any]

API_KEY = "a-key-of-the-tests"
PATIENCE_SECONDS = 180
"""How long something may take on a crowded machine; nothing waits this long when it comes."""


class Receiver:
    """Takes events from the moment it is made; `answer` may be set to script what it says instead."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[Json] = []
        self._problems: list[str] = []
        self._strict: StrictReceiver | None = None
        self._port = free_port()
        self.answer: Callable[[Request], Reply | None] | None = None
        self.come_back()

    @property
    def url(self) -> str:
        """What to write into agent.yaml."""
        return f"http://127.0.0.1:{self._port}/stsAgent"

    @property
    def events(self) -> list[Json]:
        """Every event taken so far, in the order of arrival."""
        with self._changed:
            return list(self._events)

    @property
    def problems(self) -> list[str]:
        """Which event broke which rule of the receiver."""
        with self._changed:
            return list(self._problems)

    def forget(self, name: str) -> None:
        """Forget the events of one name that have arrived."""
        with self._changed:
            self._events = [event for event in self._events if event["source_type_name"] != name]

    def of_type(self, event_type: str, **data: Any) -> list[Json]:
        """Return the events of one type whose data has these values."""
        return [event for event in self.events if _is(event, event_type, data)]

    def titles(self, event_type: str) -> list[str]:
        """Return the titles of one type, each fact once.

        An `event send` that had no answer in time arrives twice under one identifier.
        """
        titles: dict[str, str] = {}
        for event in self.of_type(event_type):
            titles.setdefault(event["context"]["source_identifier"], event["msg_title"])
        return list(titles.values())

    def wait_for(self, wanted: Callable[[list[Json]], Any], timeout_seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until `wanted(events)` is true of what has arrived, and return what it said."""
        with self._changed:
            found = self._changed.wait_for(lambda: wanted(self._events), timeout_seconds)
            if not found:
                arrived = "\n".join(f"  {e['event_type']}: {e['msg_title']}" for e in self._events)
                raise AssertionError(
                    f"not within {timeout_seconds} s; what arrived:\n{arrived or '  nothing'}"
                )
            return found

    def wait_for_event(self, event_type: str, timeout_seconds: float = PATIENCE_SECONDS, **data: Any) -> Json:
        """Wait for an event of one type whose data has these values, and return the first."""
        return self.wait_for(
            lambda events: next((e for e in events if _is(e, event_type, data)), None), timeout_seconds
        )

    def go_away(self) -> None:
        """Refuse connections from now on."""
        if self._strict is not None:
            self._strict.close()
            self._strict = None

    def come_back(self) -> None:
        """Take connections again, on the same port."""
        if self._strict is None:
            self._strict = StrictReceiver(
                port=self._port,
                api_key=API_KEY,
                intercept=lambda request: self.answer(request) if self.answer else None,
                on_event=self._take,
            ).start()

    def _take(self, received: Received) -> None:
        with self._changed:
            self._events.append(received.event)
            self._problems += [
                f"{received.event.get('event_type')}: {one.where}: {one.rule}" for one in received.problems
            ]
            self._changed.notify_all()


def _is(event: Json, event_type: str, data: Json) -> bool:
    has = event["context"]["data"]
    return event["event_type"] == event_type and all(has.get(key) == value for key, value in data.items())
