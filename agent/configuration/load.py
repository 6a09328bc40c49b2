"""From files and environment to one `Configuration`, or to everything that is wrong with them.

This is where the parts meet: it locates, composes, lays the environment over, walks, and resolves
defaults. It opens no socket, writes nothing, and looks at no collector but through its registration.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agent.configuration.applications import Applications, Entries
from agent.configuration.destinations import settings_types, want_credentials
from agent.configuration.environment import overlay
from agent.configuration.location import Location, locate
from agent.configuration.nodes import Place, compose_file, empty_mapping, entry
from agent.configuration.own_intake import own_intakes
from agent.configuration.plain_yaml import Node
from agent.configuration.problem import ConfigurationError, Problem
from agent.configuration.quoting import quotable_name
from agent.configuration.types import Configuration, Scoped, Settings
from agent.configuration.walk import WRONG, Walk
from agent.systems.sources import SOURCES
from collectors.collector import Registration
from collectors.registry import COLLECTORS


class Loaded(NamedTuple):
    """A configuration, and what has to be known to keep it as the last one that was right."""

    configuration: Configuration
    location: Location
    root: Node
    """The tree of agent.yaml with the environment's word in it."""
    type: type[msgspec.Struct]


def load(path: Path | None = None, **options: Any) -> Configuration:
    """Return the effective configuration, as `load_whole` does."""
    return load_whole(path, **options).configuration


def load_whole(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    user: bool = False,
    for_run: bool = False,
    strict: bool | None = None,
    registry: Mapping[str, Registration] = COLLECTORS,
    instead: Node | None = None,
    keys: bool = True,
) -> Loaded:
    """Return the effective configuration and its tree; raises `ConfigurationError` with every problem at once.

    Strict is what `check` and a reload are: a wrong conf.d file, and a key file or certificate that
    may not be read, are problems. A start (`for_run`) and commands that only look for the spool set
    wrong conf.d files aside whole, named in `Configuration.set_aside`. `instead` takes the place of agent.yaml.
    Without `keys` nothing is asked of credentials and files that a host alone has: a build job has none.
    """
    if strict is None:
        strict = not for_run
    location = locate(path, environ=environ, user=user, for_run=for_run)
    walk = Walk(must_exist=strict and keys, elsewhere=_in_applications(registry))
    root = overlay(_compose_agent(location, walk) if instead is None else instead, environ)
    if keys:
        want_credentials(root, walk)
    agent_type = _agent_type(root, registry)
    agent = walk.read(root, agent_type)
    loops = {} if agent is WRONG else dict(own_intakes(agent.destinations, agent.intake))
    if strict:
        _note_loops(loops, root, walk)
    applications = Applications(location)
    problems = walk.problems if strict else None
    known = None if agent is WRONG else agent
    asked = applications.read(registry, problems, known, must_exist=strict and keys)
    if walk.problems:
        raise ConfigurationError(walk.problems)
    collectors = _defaults(agent, registry)
    for name, scoped in asked.items():
        collectors[name] = collectors.get(name, ()) + scoped
    configuration = _effective(agent, location, applications, collectors, loops)
    return Loaded(configuration, location, root, agent_type)


def _effective(
    agent: Settings,
    location: Location,
    applications: Applications,
    collectors: Entries,
    loops: Mapping[str, str],
) -> Configuration:
    settings = Settings(**{field: getattr(agent, field) for field in Settings.__struct_fields__})
    return Configuration(
        settings=settings,
        spool_directory=settings.spool.directory or location.spool_directory,
        socket=settings.intake.socket or location.socket,
        collectors=collectors,
        sources=applications.sources,
        set_aside=applications.set_aside,
        withheld={name: f"its url {text}" for name, text in loops.items()},
        warnings=(*location.warnings, *applications.warnings, *_doubts(settings)),
    )


def _note_loops(loops: Mapping[str, str], root: Node, walk: Walk) -> None:
    for name, text in loops.items():
        node = entry(entry(root, "destinations"), name) or root
        walk.note(entry(node, "url") or node, f"destinations.{quotable_name(name, node)}.url", text)


def _compose_agent(location: Location, walk: Walk) -> Node:
    root: Node | Problem = empty_mapping(Place(str(location.file)))
    if location.exists:
        root = compose_file(location.file)
    if isinstance(root, Problem):
        walk.problems.append(root)
        root = empty_mapping(Place(str(location.file)))
    return root


def _agent_type(root: Node, registry: Mapping[str, Registration]) -> type[msgspec.Struct]:
    """Return the type of agent.yaml: the settings, and a switch for each collector that is on by default."""
    switches = [(name, bool, True) for name, known in registry.items() if known.default is not None]
    destinations: tuple[str, Any, Any] = ("destinations", dict[str, settings_types(root)], {})  # type: ignore[misc]  # as the file says
    return msgspec.defstruct("AgentFile", [destinations, *switches], bases=(Settings,), kw_only=True)


def _in_applications(registry: Mapping[str, Registration]) -> dict[str, str]:
    return dict.fromkeys((*registry, *SOURCES), "it belongs into a file in conf.d")


def _defaults(agent: Any, registry: Mapping[str, Registration]) -> Entries:
    return {
        name: (Scoped(known.default),)
        for name, known in registry.items()
        if known.default is not None and (agent is WRONG or getattr(agent, name))
    }


def _doubts(settings: Settings) -> list[str]:
    """Return what is allowed and likely not meant."""
    doubts = []
    if settings.metrics and not settings.metrics.listen.is_loopback:
        doubts.append("metrics.listen: other hosts can read the metrics there")
    if not settings.destinations:
        doubts.append("no destination is configured: events are recorded on this host and sent nowhere")
    for name, destination in settings.destinations.items():
        if destination.url.startswith("https:") and not destination.tls.verify:
            doubts.append(f"destinations.{name}: the receiver's certificate is not verified")
    return doubts
