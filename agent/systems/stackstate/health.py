"""How this host, its services and this agent are, as one health snapshot for StackState. Pure.

Its check states vanish there when no snapshot comes for the expiry: that is how a silent agent is seen.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from agent.events.host_state import HostState
from agent.events.identity import HOST_IDENTIFIER
from agent.systems.stackstate.topology import told_services, unit_identifier
from collectors.collector import RunState

STREAM = "urn:health:sts-agent:host"
MISSED_SNAPSHOTS = 3
"""After so many that did not come the states vanish."""

_MOST_TEXT = 1000
_OF_SERVICES = {
    RunState.UP: ("Clear", "It runs."),
    RunState.DOWN: ("Clear", "It is stopped."),
    RunState.FAILED: ("Critical", "It failed."),
    RunState.FLAPPING: ("Deviating", "It keeps ending and starting again."),
}

Json = dict[str, Any]


def snapshot(hostname: str, state: HostState, interval_seconds: float, *, of_units: bool) -> Json:
    """Return the health of this host; `of_units` when the topology has components that services can be bound to."""
    repeat = math.ceil(interval_seconds)
    return {
        "consistency_model": "REPEAT_SNAPSHOTS",
        "stream": {"urn": STREAM, "sub_stream_id": hostname},
        "start_snapshot": {
            "repeat_interval_s": repeat,
            "expiry_interval_s": repeat * MISSED_SNAPSHOTS,
        },
        "stop_snapshot": {},
        "check_states": [*_of_agent(hostname, state), *_of_services(hostname, state, of_units=of_units)],
    }


def _of_agent(hostname: str, state: HostState) -> Iterator[Json]:
    host = HOST_IDENTIFIER + hostname
    yield _check(f"{hostname}:agent", "sts-agent", host, *_said(state.agent, "It watches this host."))
    configuration = _said(state.configuration, "All of it is in use.")
    yield _check(f"{hostname}:configuration", "sts-agent configuration", host, *configuration)


def _said(problems: Iterable[str], well: str) -> tuple[str, str]:
    text = "; ".join(problems)
    return ("Deviating", text[:_MOST_TEXT]) if text else ("Clear", well)


def _of_services(hostname: str, state: HostState, *, of_units: bool) -> Iterator[Json]:
    for one in told_services(state.services):
        element = unit_identifier(hostname, one.name) if of_units else HOST_IDENTIFIER + hostname
        yield _check(f"{hostname}:unit:{one.name}", one.name, element, *_OF_SERVICES[one.state])


def _check(identifier: str, name: str, element: str, health: str, message: str) -> Json:
    return {
        "checkStateId": identifier,
        "name": name,
        "health": health,
        "topologyElementIdentifier": element,
        "message": message,
    }
