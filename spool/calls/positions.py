"""Where destinations stand: who is one, and what it takes."""

from collections.abc import Collection
from typing import Literal

from spool import positions
from spool.engine import Engine
from spool.record import EVENT

EVENTS = frozenset({EVENT})


class Positions:
    """The destinations of one spool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._in_use: set[str] = set()
        self.kinds: dict[str, frozenset[str]] = {}
        """Of which kinds each destination takes records."""
        self.nothing_before: dict[str, int] = {}
        """Up to which record nothing waits for a destination, though its position is before it."""

    def attach(
        self,
        destination: str,
        identity: str,
        start: Literal["now", "oldest"] = "now",
        kinds: Collection[str] = EVENTS,
    ) -> None:
        """Make `destination` one that records are kept for; the same identity, or else the same name, keeps its position.

        It takes records of `kinds`, and passes over all others.
        """
        self.kinds[destination] = frozenset(kinds)
        in_use = frozenset(self._in_use)
        self._engine.write(lambda store: positions.attach(store, destination, identity, start, in_use))
        self._in_use.add(destination)
        self.nothing_before.pop(destination, None)

    def let_go(self, destinations: Collection[str]) -> None:
        """Allow other names to take these positions along, until the destinations are attached again."""
        self._in_use.difference_update(destinations)

    def detach(self, destination: str) -> None:
        """Let `destination` hold back nothing from now on."""
        self._in_use.discard(destination)
        self._engine.write(lambda store: positions.detach(store, destination))

    def set_aside_undelivered(self, reason: str) -> int:
        """Deliver nothing of what is there now to anybody (a cloned image); return how many entries."""
        return self._engine.write(lambda store: positions.set_aside(store, reason, self._engine.wall()))
