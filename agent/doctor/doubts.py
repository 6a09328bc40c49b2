"""Entries of the configuration that can never come true on this host, as their collectors judge them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.configuration.types import Configuration, Scoped
from agent.systems.finding import Finding
from agent.systems.sources import WithSources
from collectors.collector import Registration
from collectors.registry import COLLECTORS


def doubts(
    configuration: Configuration,
    root: Path = Path("/"),
    registry: Mapping[str, Registration] = WithSources(COLLECTORS),
) -> Iterator[str]:
    """Yield each, as `services: 'ngnix' is no service of this host (did you mean nginx.service?)`."""
    yield from doubts_of(configuration.collectors, root, registry)


def doubts_of(
    collectors: Mapping[str, Sequence[Scoped[Any]]],
    root: Path = Path("/"),
    registry: Mapping[str, Registration] = WithSources(COLLECTORS),
) -> Iterator[str]:
    """Yield the same of entries by the names of their collectors."""
    for name, entries in collectors.items():
        find = registry[name].find_doubts
        if find is not None:
            yield from (f"{name}: {doubt}" for doubt in find(entries, root))


def look_at_entries(configuration: Configuration, root: Path = Path("/")) -> Iterator[Finding]:
    """Yield a finding for each."""
    for doubt in doubts(configuration, root):
        name, _, text = doubt.partition(": ")
        yield Finding(
            name, "warn", text, "correct the entry in conf.d, unless what it names is still to come"
        )
