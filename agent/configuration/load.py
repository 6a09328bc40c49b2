"""From files and environment to one `Configuration`, or to everything that is wrong with them.

This is where the parts meet: it locates, composes, lays the environment over, walks, and resolves
defaults. It opens no socket, writes nothing, and looks at no collector but through its registration.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from yaml.nodes import MappingNode, Node

from agent.configuration.destinations import settings_types, want_credentials
from agent.configuration.environment import overlay
from agent.configuration.location import Location, locate
from agent.configuration.nodes import Place, compose_file, empty_mapping, entry
from agent.configuration.own_intake import own_intakes, own_source
from agent.configuration.problem import ConfigurationError, Problem
from agent.configuration.quoting import quotable_name
from agent.configuration.types import Application, Configuration, Intake, Scoped, Settings
from agent.configuration.walk import WRONG, Walk
from agent.systems.sources import SOURCES, WithSources
from collectors.collector import Registration
from collectors.registry import COLLECTORS

_IN_AGENT_FILE = dict.fromkeys(Settings.__struct_fields__, "it belongs into agent.yaml")

Entries = dict[str, tuple[Scoped[Any], ...]]


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
    files, sources, warnings = _find_applications(location)
    applications = {file: compose_file(file) for file in files}
    collectors = _defaults(agent, registry)
    set_aside: dict[Path, tuple[str, ...]] = {}
    registry = WithSources(registry, _sources_named(applications.values()))
    application_type = _application_type(registry)
    for file, written in applications.items():
        file_walk = Walk(must_exist=strict and keys, elsewhere=_IN_AGENT_FILE)
        entries = _read_application(written, application_type, file_walk, registry)
        if strict:
            walk.problems += file_walk.problems
        elif file_walk.problems:
            set_aside[file] = tuple(map(str, sorted(file_walk.problems)))
            continue
        most = Settings().diff_at_most if agent is WRONG else agent.diff_at_most
        for name, scoped in _limited(entries, most, registry, f"{file}: ", warnings).items():
            collectors[name] = collectors.get(name, ()) + scoped
            if name in SOURCES and agent is not WRONG:
                warnings += _own_sources(f"{file}: {name}", scoped, agent.intake)
    if walk.problems:
        raise ConfigurationError(walk.problems)
    settings = Settings(**{field: getattr(agent, field) for field in Settings.__struct_fields__})
    configuration = Configuration(
        settings=settings,
        spool_directory=settings.spool.directory or location.spool_directory,
        socket=settings.intake.socket or location.socket,
        collectors=collectors,
        sources=sources,
        set_aside=set_aside,
        withheld={name: f"its url {text}" for name, text in loops.items()},
        warnings=(*location.warnings, *warnings, *_doubts(settings)),
    )
    return Loaded(configuration, location, root, agent_type)


def load_application(file: Path, *, keys: bool = True) -> Entries:
    """Return what one file of conf.d holds, by itself; raises `ConfigurationError` with every problem at once."""
    written = compose_file(file)
    registry = WithSources(COLLECTORS, _sources_named([written]))
    walk = Walk(must_exist=keys, elsewhere=_IN_AGENT_FILE)
    entries = _read_application(written, _application_type(registry), walk, registry)
    if walk.problems:
        raise ConfigurationError(walk.problems)
    return entries


def _own_sources(place: str, entries: Iterable[Scoped[Any]], intake: Intake) -> Iterator[str]:
    """Yield what is said of servers to poll that are this agent itself."""
    for scoped in entries:
        if found := own_source(scoped.config.url, intake):
            yield f"{place}.url: {found}"


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


def _application_type(registry: Mapping[str, Registration]) -> type[msgspec.Struct]:
    """Return the type of a conf.d file: what is said of all of it, and the collectors' own keys."""
    keys = [
        (name, tuple[known.entry, ...] | None if known.many else known.entry | None, None)  # type: ignore[name-defined]
        for name, known in registry.items()
    ]
    return msgspec.defstruct("ApplicationFile", keys, bases=(Application,), kw_only=True)


def _sources_named(roots: Iterable[Node | Problem]) -> list[str]:
    """Return the keys of sources that the files hold: only these are loaded."""
    mappings = [root for root in roots if isinstance(root, MappingNode)]
    return sorted(key for key in SOURCES if any(entry(root, key) for root in mappings))


def _in_applications(registry: Mapping[str, Registration]) -> dict[str, str]:
    return dict.fromkeys((*registry, *SOURCES), "it belongs into a file in conf.d")


def _defaults(agent: Any, registry: Mapping[str, Registration]) -> Entries:
    return {
        name: (Scoped(known.default),)
        for name, known in registry.items()
        if known.default is not None and (agent is WRONG or getattr(agent, name))
    }


def _find_applications(location: Location) -> tuple[list[Path], tuple[Path, ...], list[str]]:
    """Return the conf.d files in name order, every file that counts, and a warning for each that does not."""
    own = (location.file,) if location.exists else ()
    try:
        found = sorted(location.applications.iterdir())
    except FileNotFoundError:
        return [], own, []
    except OSError:
        return [location.applications], own, []  # read like a file, it tells why it may not be
    files = [file for file in found if not file.name.startswith(".")]
    counting = [file for file in files if file.suffix == ".yaml"]
    warnings = [
        f"{file}: is not read: its name does not end in .yaml" for file in files if file not in counting
    ]
    return counting, (*own, *counting), warnings


def _read_application(
    root: Node | Problem, kind: type[msgspec.Struct], walk: Walk, registry: Mapping[str, Registration]
) -> Entries:
    if isinstance(root, Problem):
        walk.problems.append(root)
        return {}
    read = walk.read(root, kind)
    if read is WRONG or walk.problems:
        return {}
    entries: Entries = {}
    for name, known in registry.items():
        value = getattr(read, name)
        values = () if value is None else value if known.many else (value,)
        if values:
            entries[name] = tuple(Scoped(one, read.tags, read.element_identifiers) for one in values)
    return entries


def _limited(
    entries: Entries, most: str, registry: Mapping[str, Registration], where: str, warnings: list[str]
) -> Entries:
    """Return the entries with no more of a diff than agent.yaml lets any have, and warn of what asks for more."""
    limited: Entries = {}
    for name, scoped in entries.items():
        limit = registry[name].limit
        configs = [one.config if limit is None else limit(one.config, most) for one in scoped]
        limited[name] = tuple(
            msgspec.structs.replace(one, config=config) for one, config in zip(scoped, configs, strict=True)
        )
        if limited[name] != scoped:
            warnings.append(
                f"{where}{name}: asks for more than `diff_at_most: {most}` of agent.yaml allows, and gets that"
            )
    return limited


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
