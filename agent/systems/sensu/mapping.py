"""A transition of a check as the one stored event that every system is told of. Pure.

Everything the result held is kept in `data`, beside what the registry knows of it. Results as such are kept
for Sensu destinations alone, as records of their own kind, and are no events.
"""

from typing import Any

import msgspec

from agent.events.chunk import Captured
from agent.events.completion import complete
from agent.events.identity import Identity
from agent.events.stored_event import StoredContext, StoredEvent
from agent.systems.sensu.check_state import CheckEvent, CheckState, status_of, total_state_change
from agent.systems.sensu.result import EVENT_TYPE, NAME, told_of
from collectors.event import Category


def captured_event(event: CheckEvent, state: CheckState, client: str, identity: Identity) -> Captured:
    """Return the event to keep; `client` is empty for this host.

    Raises `EventError` for one that is too large, and `msgspec.MsgspecError`.
    """
    what = told_of(event.action, status_of(state.result))
    stored = StoredEvent(
        event_type=EVENT_TYPE,
        title=f"{state.result['name']}{f' on {client}' if client else ''} {what}",
        text=state.result["output"],
        source_type=NAME,
        host=client or None,
        timestamp=state.result["executed"],
        context=StoredContext(
            category=Category.ACTIVITIES if event.action == "resolve" else Category.ALERTS,
            source=NAME,
            data=_data(event, state, client or identity.hostname),
        ),
    )
    return complete(NAME, msgspec.json.encode(stored), identity)


def _data(event: CheckEvent, state: CheckState, client: str) -> dict[str, Any]:
    rest = {key: value for key, value in state.result.items() if key not in {"name", "output"}}
    known = {
        "client": client,
        "check": state.result["name"],
        "status": status_of(state.result),
        "action": event.action,
        "occurrences": event.occurrences,
        "total_state_change": total_state_change(state.history),
        "id": event.id,
    }
    taken = {f"result.{key}": value for key, value in rest.items() if known.get(key, value) != value}
    return rest | known | taken
