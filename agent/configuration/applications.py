"""The files of `conf.d`: which of them count, and what each asks of the collectors.

One that is wrong is a problem where the caller is strict, and else set aside whole: no part of it counts. This module
looks at no collector but through its registration.
"""

import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.configuration.location import Location
from agent.configuration.nodes import compose_file, entry
from agent.configuration.own_intake import own_source
from agent.configuration.plain_yaml import MappingNode, Node
from agent.configuration.problem import ConfigurationError, Problem
from agent.configuration.types import Application, Intake, Scoped, Settings
from agent.configuration.walk import WRONG, Walk
from agent.systems.sources import SOURCES, WithSources
from collectors.collector import Registration
from collectors.registry import COLLECTORS

_IN_AGENT_FILE = dict.fromkeys(Settings.__struct_fields__, "it belongs into agent.yaml")

Entries = dict[str, tuple[Scoped[Any], ...]]
"""What is asked of each collector, by its name."""


class Applications:
    """What the files of `conf.d` ask for, all together; filled by `read`."""

    def __init__(self, location: Location) -> None:
        self.warnings: list[str] = []
        self.set_aside: dict[Path, tuple[str, ...]] = {}
        """What is wrong with each file that does not count."""
        self._files = self._find(location)
        self.sources = (*((location.file,) if location.exists else ()), *self._files)
        """Every file that the configuration was made of."""

    def read(
        self,
        registry: Mapping[str, Registration],
        problems: list[Problem] | None,
        agent: Settings | None,
        *,
        must_exist: bool,
    ) -> Entries:
        """Return what the files ask for, as far as `agent` allows; None where agent.yaml is wrong.

        What is wrong is added to `problems`; without them a wrong file is set aside.
        """
        most = (agent or Settings()).diff_at_most
        written = {file: _compose(file) for file in self._files}
        registry = WithSources(registry, _sources_named(written.values()))
        kind = _application_type(registry)
        together: Entries = {}
        for file, root in written.items():
            walk = Walk(must_exist=must_exist, elsewhere=_IN_AGENT_FILE)
            entries = _read(root, kind, walk, registry)
            if problems is not None:
                problems += walk.problems
            elif walk.problems:
                self.set_aside[file] = tuple(map(str, sorted(walk.problems)))
                continue
            for name, scoped in self._limited(entries, most, registry, file).items():
                together[name] = together.get(name, ()) + scoped
                if name in SOURCES and agent is not None:
                    self.warnings += _own_sources(f"{file}: {name}", scoped, agent.intake)
        return together

    def _find(self, location: Location) -> list[Path]:
        """Return the files that count, in the order of their names, and warn of each that does not."""
        try:
            found = sorted(location.applications.iterdir())
        except FileNotFoundError:
            return []
        except OSError:
            return [location.applications]  # read like a file, it tells why it may not be
        files = [file for file in found if not file.name.startswith(".")]
        counting = [file for file in files if file.suffix == ".yaml"]
        self.warnings += [_not_read(file) for file in files if file not in counting]
        return counting

    def _limited(
        self, entries: Entries, most: str, registry: Mapping[str, Registration], file: Path
    ) -> Entries:
        """Return the entries with no more of a diff than agent.yaml lets any have, and warn of what asks for more."""
        limited: Entries = {}
        for name, scoped in entries.items():
            limit = registry[name].limit
            configs = [one.config if limit is None else limit(one.config, most) for one in scoped]
            limited[name] = tuple(
                msgspec.structs.replace(one, config=config)
                for one, config in zip(scoped, configs, strict=True)
            )
            if limited[name] != scoped:
                asked = f"{file}: {name}: asks for more than `diff_at_most: {most}` of agent.yaml allows"
                self.warnings.append(f"{asked}, and gets that")
        return limited


def _compose(file: Path) -> Node | Problem:
    """Return the tree of a file; nothing is opened there that could hold us up."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return compose_file(file)  # it says why it may not be read
    if file.name == "conf.d" and not stat.S_ISDIR(mode):
        return Problem(str(file), 1, "", "must be a directory, and a file is there")
    if stat.S_ISDIR(mode):
        return Problem(str(file), 1, "", "is a directory", 1, ": move its files into conf.d itself")
    if not stat.S_ISREG(mode):
        return Problem(str(file), 1, "", "is no file that can be read", 1, ": put a file there, or remove it")
    return compose_file(file)


def _not_read(file: Path) -> str:
    """Return what to do about something in conf.d that does not count."""
    if file.is_dir():
        return f"{file}: is not read: it is a directory; move its files into conf.d itself"
    if file.suffix == ".yml":
        return f"{file}: is not read: its name does not end in .yaml; rename it to {file.stem}.yaml"
    return f"{file}: is not read: its name does not end in .yaml"


def _own_sources(place: str, entries: Iterable[Scoped[Any]], intake: Intake) -> Iterator[str]:
    """Yield what is said of servers to poll that are this agent itself."""
    for scoped in entries:
        if found := own_source(scoped.config.url, intake):
            yield f"{place}.url: {found}"


def load_application(file: Path, *, keys: bool = True) -> Entries:
    """Return what one file of conf.d holds, by itself; raises `ConfigurationError` with every problem at once."""
    written = compose_file(file)
    registry = WithSources(COLLECTORS, _sources_named([written]))
    walk = Walk(must_exist=keys, elsewhere=_IN_AGENT_FILE)
    entries = _read(written, _application_type(registry), walk, registry)
    if walk.problems:
        raise ConfigurationError(walk.problems)
    return entries


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


def _read(
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
