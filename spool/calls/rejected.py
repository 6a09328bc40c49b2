"""What destinations refused for good."""

from collections.abc import Iterator, Sequence
from functools import partial

from spool import rejected
from spool.batch import RejectedEntry
from spool.engine import Engine


class Rejected:
    """The rejected entries of one spool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def entries(self) -> Iterator[RejectedEntry]:
        """Yield what destinations refused for good, oldest first."""
        after = 0
        while entries := self._engine.read(partial(rejected.page, after=after)):
            yield from entries
            after = entries[-1].id

    def retries(self, destination: str, after: int = 0) -> Sequence[RejectedEntry]:
        """Return the next rejected entries, of an id above `after`, that are to be sent to `destination` again."""
        return self._engine.read(
            lambda connection: rejected.page(connection, after, retrying_for=destination)
        )

    def retry(self, ids: Sequence[int] | None) -> int:
        """Have rejected entries sent again, all of them for None; return how many."""
        count = self._engine.write(lambda store: rejected.ask_again(store, ids))
        self._engine.interrupt()
        return count

    def retried(self, id: int, *, accepted: bool, reason: str = "") -> None:  # noqa: A002 - as it is called
        """Take note of what became of a retry; only an accepted entry leaves the list."""
        self._engine.write(lambda store: rejected.settle(store, id, accepted=accepted, reason=reason))

    def discard(self, ids: Sequence[int] | None) -> int:
        """Forget rejected entries, all of them for None; return how many there were."""
        return self._engine.write(lambda store: rejected.discard(store, ids))
