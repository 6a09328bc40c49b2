"""A daemon loads a system when it is configured, or when somebody posts to a path of its own, and not before."""

import re

from agent.cli.daemon_client import ask
from agent.systems.registry import SYSTEMS

BODY = b'{"eventType": "CUSTOM_INFO", "source": "s", "description": "d"}'


def loaded(agent):
    """Return the systems of which the daemon has imported anything, as Python itself logged it."""
    return set(re.findall(r"\| +agent\.systems\.(\w+)", agent.log())) & SYSTEMS.keys()


def test_a_daemon_loads_what_is_configured_and_then_what_is_spoken_to(agent):
    agent.start(PYTHONPROFILEIMPORTTIME="1")
    assert loaded(agent) == {"stackstate"}
    agent.post("a title")
    assert loaded(agent) == {"stackstate"}
    assert ask(agent.socket, "POST", "/api/v1/events", BODY, timeout_seconds=60).is_ok
    assert loaded(agent) == {"stackstate", "dynatrace"}
