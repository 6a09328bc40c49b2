"""The sources of the systems beside the collectors of the host: a system is loaded when its key is asked for."""

from collections.abc import Iterator, Mapping, Sequence

from agent.systems.registry import SYSTEMS, system
from collectors.collector import Registration

_SYSTEMS = {row.source: name for name, row in SYSTEMS.items() if row.source}

SOURCES = frozenset(_SYSTEMS)
"""Their keys in conf.d."""


class WithSources(Mapping[str, Registration]):
    """A table of collectors in which the sources are found as well; it lists those alone that are `named`."""

    def __init__(self, collectors: Mapping[str, Registration], named: Sequence[str] = ()) -> None:
        self._collectors = collectors
        self._named = tuple(key for key in named if key in SOURCES)

    def __getitem__(self, key: str) -> Registration:
        """Return a registration; raises `KeyError`."""
        return _registration(key) if key in SOURCES else self._collectors[key]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys of the collectors, then those that are named."""
        yield from self._collectors
        yield from self._named

    def __len__(self) -> int:
        """Return how many are listed."""
        return len(self._collectors) + len(self._named)


def _registration(key: str) -> Registration:
    source = system(_SYSTEMS[key]).source
    assert source is not None  # noqa: S101 - the table says that it has one
    return source
