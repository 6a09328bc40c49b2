"""What the spool has to tell: drops, damage, texts that had no room. Each is told once."""

from collections.abc import Callable, Sequence

from spool.batch import Drop
from spool.engine import Engine
from spool.state import Recovery
from spool.store import Store


class Notices:
    """The notices of one spool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def has_drops(self) -> bool:
        """Return whether there are drops to tell, as of the last commit; it costs nothing to ask."""
        return self._engine.view.has_untold_drops

    def drops(self) -> Sequence[Drop]:
        """Return what was dropped and not told yet."""

        def run(store: Store) -> list[Drop]:
            return [
                Drop(
                    loss.destination,
                    loss.reason,
                    loss.count - loss.told,
                    loss.first_time or 0.0,
                    loss.last_time or 0.0,
                )
                for loss in store.state.untold()
            ]

        return self._engine.write(run, durable=False)

    def tell_drops(self, drops: Sequence[Drop], number: int) -> None:
        """Remember that record `number` tells of these drops; what came since is told the next time.

        Where that record is dropped before the destination has got it, they are to be told again.
        """

        def run(store: Store) -> None:
            for drop in drops:
                store.state.tell(drop, number)
            store.touch()

        self._engine.write(run)

    def acknowledge_drops(self) -> int:
        """Take note that somebody knows of every drop so far; return of how many that was news."""

        def run(store: Store) -> int:
            store.touch()
            return store.state.acknowledge_losses()

        return self._engine.write(run)

    @property
    def has_news(self) -> bool:
        """Return whether there is damage or lost text to tell, as of the last commit; it costs nothing to ask."""
        view = self._engine.view
        return view.has_untold_damage or view.has_untold_texts

    def recoveries(self) -> Sequence[Recovery]:
        """Return what was found damaged, once its counts are final, until it is told."""

        def run(store: Store) -> list[Recovery]:
            return [
                Recovery.of(kept) for kept in store.state.recoveries if kept["finished"] and not kept["told"]
            ]

        return self._engine.write(run, durable=False)

    def tell_recoveries(self, told: Sequence[Recovery]) -> None:
        """Remember that these were told."""

        def run(store: Store) -> None:
            for kept in store.state.recoveries:
                kept["told"] = kept["told"] or Recovery.of(kept) in told
            store.touch()

        self._engine.write(run)

    def texts(self) -> int:
        """Return how many remembered texts had no room, unless that was told before."""
        view = self._engine.view
        return (
            self._engine.write(lambda store: store.state.texts_given_up, durable=False)
            if view.has_untold_texts
            else 0
        )

    def tell_texts(self) -> None:
        """Remember that this was told; it is not told again."""

        def run(store: Store) -> None:
            store.state.texts_told = True
            store.touch()

        self._engine.write(run)

    def on_news(self, call: Callable[[], None]) -> None:
        """Have `call` called when there is damage or lost texts to tell; in another thread, it must not block."""
        self._engine.on_news = call
