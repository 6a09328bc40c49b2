"""Destinations and sources that are the agent's own intake: what they were sent, or told, would come back.

The environment invites it: the variables that lead a local program to this agent (`STS_STS_URL`) lead the agent too.
Pure; whether it is a problem or a reason to pause is for whoever loads.
"""

import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from agent.configuration.types import DestinationSettings, Intake

_DEFAULT_PORTS = {"http": 80, "https": 443}
_THIS_HOST = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_LOOPBACK = "the loopback"
_ALL_MEAN_IT = frozenset({"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"})  # noqa: S104 - where a connection ends, nothing is bound


def own_intakes(destinations: Mapping[str, DestinationSettings], intake: Intake) -> Iterator[tuple[str, str]]:
    """Yield the name of each destination that is one of our own ports, and what is wrong with it."""
    ports = dict(_ports(intake))
    for name, settings in destinations.items():
        key = ports.get(_place(settings.url))
        if key is not None:
            yield name, f"is this agent's own {key}: what is sent there would come back; name the remote side"


def own_source(url: str, intake: Intake) -> str:
    """Return what is wrong with the address of a server that is asked for its events; empty when it is none of our ports."""
    key = dict(_ports(intake)).get(_place(url))
    return f"is this agent's own {key}: its events would be told twice; name the server to ask" if key else ""


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return _host(parts.hostname or ""), parts.port or _DEFAULT_PORTS.get(parts.scheme.lower(), 0)


def _ports(intake: Intake) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield where the agent takes something in over TCP, and the key of agent.yaml that says so."""
    listens = {"intake.http": intake.http.listen if intake.http else None}
    if intake.sensu:
        listens |= {"intake.sensu.api": intake.sensu.api, "intake.sensu.http": intake.sensu.http}
    for key, listen in listens.items():
        if listen:
            parts = urlsplit(f"//{listen}")
            yield (_host(parts.hostname or ""), parts.port or 0), key


def _host(text: str) -> str:
    """Return one name for all spellings of this host, and any other as it is."""
    name = text.lower().rstrip(".")
    if name in _THIS_HOST or _address(name) in _ALL_MEAN_IT:
        return _LOOPBACK
    return _address(name) or name


def _address(name: str) -> str:
    """Return an address as it is usually written, `127.1` as `127.0.0.1`; empty for what is none."""
    for family, parse in (
        (socket.AF_INET, socket.inet_aton),
        (socket.AF_INET6, lambda text: socket.inet_pton(socket.AF_INET6, text.partition("%")[0])),
    ):
        try:
            return socket.inet_ntop(family, parse(name))
        except (OSError, ValueError):
            continue
    return ""
