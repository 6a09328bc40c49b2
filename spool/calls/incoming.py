"""Files that local programs left for the spool."""

from collections.abc import Iterator, Sequence

from spool import incoming
from spool.engine import Engine


class Incoming:
    """The incoming files of one spool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files that local programs left and that were not taken in yet: name and bytes."""
        ingested = self._engine.read(incoming.ingested_before)
        return incoming.waiting(self._engine.directory, ingested)

    def refuse(self, name: str, reason: str) -> None:
        """Set a file aside that cannot be understood."""
        incoming.refuse(self._engine.directory, name, reason)

    def finish(self, ids: Sequence[str]) -> None:
        """Remove files that were taken in by an `append` that has returned."""
        incoming.unlink(self._engine.directory, ids)
        self._engine.write(lambda store: incoming.forget_ingested(store.connection, ids), durable=False)
