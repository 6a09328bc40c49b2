"""How the API shows what is known: clients, events and results as a Sensu Core server words them. Pure."""

from collections.abc import Mapping
from typing import Any

from agent.systems.sensu.check_state import CheckState, status_of, total_state_change

Shown = dict[str, Any]

VERSION = "1.9.0"
"""The last release of Sensu Core, whose API this is."""


def event(client: Mapping[str, Any], state: CheckState) -> Shown:
    """Return the event of a state that has one, with its client and its check."""
    assert state.event is not None  # noqa: S101 - the caller chose it for that
    history = state.history_of_event or state.history
    result = state.result if state.of_event is None else state.of_event
    check = {
        "status": status_of(result),
        "issued": result["executed"],
        **result,
        "total_state_change": total_state_change(history),
        "history": [str(status) for status in history],
    }
    return {
        "id": state.event.id,
        "client": dict(client),
        "check": check,
        "occurrences": state.event.occurrences,
        "action": state.event.action,
        "timestamp": state.event.timestamp,
    }


def result(client: str, state: CheckState) -> Shown:
    """Return the last result of a check, with its history as numbers."""
    check = {
        "status": status_of(state.result),
        "issued": state.result["executed"],
        **state.result,
        "history": list(state.history),
    }
    return {"client": client, "check": check}


def history(state: CheckState) -> Shown:
    """Return the entry of a check in the history of its client."""
    return {
        "check": state.result["name"],
        "history": list(state.history),
        "last_execution": state.result["executed"],
        "last_status": state.history[-1],
        "last_result": {"status": status_of(state.result), **state.result},
    }


def this_host(name: str, now: int) -> Shown:
    """Return this host as a client; it is there for as long as somebody answers."""
    return {
        "name": name,
        "address": "127.0.0.1",
        "subscriptions": [f"client:{name}"],
        "version": VERSION,
        "timestamp": now,
    }


def proxy(name: str, last: int) -> Shown:
    """Return a client that only results name; `last` is when its last one was."""
    return {
        "name": name,
        "address": "unknown",
        "subscriptions": [f"client:{name}"],
        "keepalives": False,
        "type": "proxy",
        "version": VERSION,
        "timestamp": last,
    }
