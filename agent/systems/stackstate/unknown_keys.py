"""A body in which everything lies under keys that nobody knows: with `events` mistyped nothing would be kept, and nobody would notice.

A receiver passes over keys that it does not know, and so do we, as the agents of StackState send many that are of no use here. Refused
is only what holds nothing else at all.
"""

from typing import Any

import msgspec

from agent.intake.dialect import bad_request
from agent.systems.stackstate.body import SECTIONS

_KEPT = ("events", *SECTIONS)
_OF_AGENTS = frozenset({
    "agent_checks", "agentVersion", "agent-flavor", "apiKey", "container-meta", "external_host_tags", "gohai", "host-tags",
    "install-method", "logs", "meta", "network", "os", "otlp", "processes", "proxy-info", "python", "pythonV", "resources", "series",
    "systemStats", "uuid",
})  # fmt: skip
"""What StackState's own agents, the old one and the new, say of themselves and of their host."""
_LONGEST_KEY = 80

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def check_keys(body: bytes) -> None:
    """Raise `Problem` for a body, the common JSON object, that holds something, and nothing under a key that anybody knows."""
    posted = _decode(body)
    if not posted.keys().isdisjoint(_OF_AGENTS.union(_KEPT)):
        return
    for key, value in posted.items():
        if value and isinstance(value, list | dict):
            raise bad_request(f"an unknown key, and none of {', '.join(_KEPT)} beside it", key[:_LONGEST_KEY])
