"""The events of the stand-in: what results come to, as a Sensu server keeps them. Any thread may ask."""

import time
import uuid
from collections.abc import Mapping
from threading import Lock
from typing import Any

from agent.systems.sensu import view
from agent.systems.sensu.check_state import CheckState, take

_MOST = 10_000
_SERVER = "sensu-api"
"""Whose a result without a source is."""


class Events:
    """By client and check; past a bound new checks are not kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._states: dict[tuple[str, str], CheckState] = {}

    def take(self, result: Mapping[str, Any]) -> None:
        """Take note of a result that breaks no rule for which it is refused."""
        fields = {key: value for key, value in result.items() if value is not None}
        now = int(time.time())
        fields.setdefault("executed", now)
        key = (str(fields.get("source", _SERVER)), str(fields["name"]))
        with self._lock:
            before = self._states.get(key, CheckState())
            if key in self._states or len(self._states) < _MOST:
                self._states[key] = take(before, fields, now=now, new_id=str(uuid.uuid4())).state

    def all(self, client: str = "") -> list[dict[str, Any]]:
        """Return the events of one client, or of all."""
        with self._lock:
            states = list(self._states.items())
        return [
            _show(of, state) for (of, _), state in states if state.event is not None and client in {"", of}
        ]

    def one(self, client: str, check: str) -> dict[str, Any] | None:
        """Return the event of a check, or None where it is well or not known."""
        with self._lock:
            state = self._states.get((client, check))
        return None if state is None or state.event is None else _show(client, state)


def _show(client: str, state: CheckState) -> dict[str, Any]:
    return view.event(view.proxy(client, state.result["executed"]), state)
