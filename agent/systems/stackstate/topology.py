"""This host and its services as components of a StackState topology: one complete snapshot. Pure.

What a snapshot does not name is deleted there, so it is always whole.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from agent.events.host_state import HostState
from agent.events.identity import HOST_IDENTIFIER
from collectors.collector import Condition, RunState

MAX_SERVICES = 1000
"""So that one request holds them; those in trouble come first."""

_DOMAIN = "Hosts"
_ENVIRONMENT = "Production"
_ENVIRONMENT_TAGS = ("env:", "environment:")

Json = dict[str, Any]


def unit_identifier(hostname: str, unit: str) -> str:
    """Return the identifier of a systemd unit; there is no official one, `urn:service:` means something else."""
    return f"urn:systemd-unit:/{hostname}:{unit}"


def told_services(services: Sequence[Condition]) -> list[Condition]:
    """Return the services to tell of, in the order of their names; where there are too many, the well ones give way."""
    in_trouble_first = sorted(services, key=lambda one: one.state not in (RunState.FAILED, RunState.FLAPPING))
    return sorted(in_trouble_first[:MAX_SERVICES], key=lambda one: one.name)


def snapshot(hostname: str, state: HostState, instance_type: str, instance_url: str | None) -> Json:
    """Return the topology of this host as one snapshot that is complete."""
    host = HOST_IDENTIFIER + hostname
    units = {unit_identifier(hostname, one.name): one.name for one in told_services(state.services)}
    components = [_component(host, "host", hostname, "Machines", state.tags)]
    components += [
        _component(key, "systemd-unit", name, "Services", state.tags) for key, name in units.items()
    ]
    return {
        "start_snapshot": True,
        "stop_snapshot": True,
        "instance": {"type": instance_type, "url": instance_url or hostname},
        "components": components,
        "relations": [_runs_on(unit, host) for unit in units],
        "delete_ids": [],
    }


def _component(identifier: str, kind: str, name: str, layer: str, tags: Iterable[str]) -> Json:
    tags = list(tags)
    return {
        "externalId": identifier,
        "type": {"name": kind},
        "data": {
            "name": name,
            "layer": layer,
            "domain": _DOMAIN,
            "environment": _environment(tags),
            "labels": tags,
            "identifiers": [identifier],
            "tags": tags,
        },
    }


def _environment(tags: Iterable[str]) -> str:
    """Return what a tag says of the environment, `prod` of `env:prod`."""
    said = (tag.partition(":")[2] for tag in tags if tag.startswith(_ENVIRONMENT_TAGS))
    return next(filter(None, said), _ENVIRONMENT)


def _runs_on(unit: str, host: str) -> Json:
    return {
        "externalId": f"{unit}->{host}",
        "sourceId": unit,
        "targetId": host,
        "type": {"name": "runs_on"},
        "data": {},
    }
