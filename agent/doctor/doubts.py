"""Entries of the configuration that can never come true on this host, as their collectors judge them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.configuration.types import Scoped
from agent.systems.finding import Finding
from agent.systems.sources import WithSources
from collectors.registry import COLLECTORS


def doubts(collectors: Mapping[str, Sequence[Scoped[Any]]]) -> Iterator[str]:
    """Yield each, as `services: 'ngnix' is no service of this host (did you mean nginx.service?)`."""
    registry = WithSources(COLLECTORS)
    for name, entries in collectors.items():
        find = registry[name].find_doubts
        if find is not None:
            yield from (f"{name}: {doubt}" for doubt in find(entries, Path("/")))


def look_at_entries(collectors: Mapping[str, Sequence[Scoped[Any]]]) -> Iterator[Finding]:
    """Yield a finding for each."""
    for doubt in doubts(collectors):
        name, _, text = doubt.partition(": ")
        yield Finding(
            name, "warn", text, "correct the entry in conf.d, unless what it names is still to come"
        )
