"""Files that local programs left for the spool."""

from collections.abc import Iterator, Sequence

from spool import incoming
from spool.engine import Engine


class Incoming:
    """The incoming files of one spool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refused: incoming.Refused | None = None
        self._refused_count = 0
        self._left: frozenset[str] = frozenset()
        """What could not be set aside, as another user's directory."""

    def waiting(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files that local programs left and that were not taken in yet: name and bytes."""
        ingested = self._engine.read(incoming.ingested_before)
        return incoming.waiting(self._engine.directory, ingested, self.refuse)

    def are_few(self, most: int) -> bool:
        """Return whether nothing lies there but so many files at most."""
        return incoming.are_few_files(self._engine.directory, most)

    def refuse(self, name: str, reason: str) -> None:
        """Set a file aside that cannot be understood."""
        refused = incoming.refuse(self._engine.directory, name, reason)
        if refused.is_left and name in self._left:
            return  # it is met at every look, and was told of
        self._left = self._left | {name} if refused.is_left else self._left - {name}
        self._refused_count += 1
        self._refused = self._refused or refused

    def take_refused(self) -> tuple[incoming.Refused | None, int]:
        """Return the first that was set aside since this was asked last, and how many were."""
        told = self._refused, self._refused_count
        self._refused, self._refused_count = None, 0
        return told

    def finish(self, ids: Sequence[str]) -> None:
        """Remove files that were taken in by an `append` that has returned."""
        incoming.unlink(self._engine.directory, ids)
        self._engine.write(lambda store: incoming.forget_ingested(store.connection, ids), durable=False)
