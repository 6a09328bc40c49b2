"""All destinations and their loops, brought in line with the configuration.

One that cannot be made as configured waits, and the spool keeps its events; it never stops another one.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Thread

from agent.configuration.types import DestinationSettings, Only
from agent.delivery.correction import Clocks
from agent.delivery.destination import Destination, DestinationError
from agent.delivery.filter import Filter
from agent.delivery.loop import DeliveryLoop
from agent.delivery.state import Phase
from agent.delivery.totals import DeliveryTotals
from agent.delivery.waiting import that_passes
from agent.runtime import status
from agent.systems.registry import make_destination
from agent.systems.system import Surroundings
from spool import EVENT, DestinationStatus, Spool, SpoolError, SpoolStatus

log = logging.getLogger(__name__)

_LONGER_SECONDS = 1.0
_ANSWER_SECONDS = 0.5
"""For what is under way at a reload: what is cut off before its answer is sent again by who takes over."""


class Deliveries:
    """Starts, replaces and stops delivery loops; its methods are for one thread, reading is for any."""

    def __init__(
        self, spool: Spool, surroundings: Surroundings, clocks: Clocks, changed: Callable[[], object] = bool
    ) -> None:
        self._spool = spool
        self._surroundings = surroundings
        self._clocks = clocks
        self._changed = changed
        self._settings: dict[str, DestinationSettings] = {}
        self._loops: dict[str, DeliveryLoop] = {}
        self._withheld: dict[str, str] = {}
        self._has_begun = False
        self.failed: dict[str, str] = {}
        """Destinations that could not be made, and why."""
        self.totals: dict[str, DeliveryTotals] = {}
        """By the names of the destinations that were ever started."""

    def reconfigure(
        self, destinations: Mapping[str, DestinationSettings], withheld: Mapping[str, str] = {}
    ) -> None:
        """Run exactly these; one whose settings are as before goes on undisturbed, and tries again now.

        Those `withheld` have something kept for them, and nothing is sent.
        """
        changed = [name for name, settings in self._settings.items() if destinations.get(name) != settings]
        loops = dict(self._loops)
        self._end([loops.pop(name) for name in changed if name in loops], 0, _ANSWER_SECONDS)
        self.failed, self._withheld = {}, dict(withheld)
        for loop in loops.values():
            loop.poke()
        known = {one.name: one.identity for one in self._spool.status().destinations}
        gone = known.keys() - destinations.keys()
        self._spool.positions.let_go(gone)
        loops |= self._start({name: one for name, one in destinations.items() if name not in loops}, known)
        for name in gone:  # only now: an unchanged address under a new name has taken over its position
            self._spool.positions.detach(name)
        self._settings, self._loops = dict(destinations), loops

    def begin(self) -> None:
        """Send, from now on: before, everything is kept for the destinations, and what sending loads holds up no start."""
        self._has_begun = True
        self._loops = {name: loop for name, loop in self._loops.items() if self._begins(name, loop)}

    def stop(self, flush_seconds: float) -> None:
        """Send what can be sent in so many seconds, all at once, and end."""
        self._end([*self._loops.values()], flush_seconds)

    def flush(self, timeout_seconds: float) -> None:
        """Wait until everything that waits was sent once, for at most so many seconds."""
        flushing = [
            Thread(target=loop.flush, args=(timeout_seconds,), daemon=True) for loop in self._loops.values()
        ]
        for thread in flushing:
            thread.start()
        for thread in flushing:
            thread.join()

    def retry(self, ids: Sequence[int] | None) -> int:
        """Have rejected events sent again, all where `ids` is None; return how many."""
        count = self._spool.rejected.retry(ids)
        for loop in self._loops.values():
            loop.poke()
        return count

    def is_alive(self) -> bool:
        """Return whether every loop runs."""
        return all(not loop.join(0) for loop in self._loops.values())

    def troubles(self) -> dict[str, str]:
        """Return why each destination delivers nothing that does not."""
        loops = {name: loop.state() for name, loop in [*self._loops.items()]}
        failing = {name: state.last_failure_reason for name, state in loops.items() if state.failures}
        return failing | self.failed | self._withheld

    def describe(self, kept: SpoolStatus) -> dict[str, status.Destination]:
        """Return where each stands: what waits is the spool's to know, what it is at the loop's."""
        return {found.name: self._describe(found) for found in kept.destinations}

    def _describe(self, found: DestinationStatus) -> status.Destination:
        found = self._that_passes(found)
        loop = self._loops.get(found.name)
        if loop is None and found.name in self._withheld:
            return status.destination(found, "paused", reason=self._withheld[found.name])
        if loop is None:
            return status.destination(found, "failed", reason=self.failed.get(found.name, ""))
        state = loop.state()
        is_probing = state.needs_operator and state.phase is Phase.SENDING
        return status.destination(
            found,
            str(Phase.PAUSED if is_probing else state.phase),
            reason=state.last_failure_reason if is_probing else state.reason,
            until=state.until,
            last_success=state.last_success or found.last_success,
            last_failure=state.last_failure,
            last_failure_reason=state.last_failure_reason,
        )

    def _that_passes(self, found: DestinationStatus) -> DestinationStatus:
        """Return where a destination stands, and of what waits only that which it is going to get."""
        settings = self._settings.get(found.name)
        if settings is None or not found.waiting_events or (settings.only == Only() and not settings.never):
            return found
        kinds = self._spool.positions.kinds.get(found.name, frozenset({EVENT}))
        return that_passes(found, Filter(settings.only, settings.never), kinds, self._spool.records.look)

    def _start(
        self, destinations: Mapping[str, DestinationSettings], known: Mapping[str, str]
    ) -> dict[str, DeliveryLoop]:
        """Start all of these that can be; `known` are names and identities of those there were."""
        made = {name: self._make(name, settings) for name, settings in destinations.items()}
        right = {name: destination for name, destination in made.items() if destination}
        self._spool.positions.let_go(right)
        # Who leads where it led comes first: so no other name for the same address has its position.
        names = sorted(right, key=lambda name: right[name].identity != known.get(name))
        loops = {name: self._attach(name, destinations[name], right[name]) for name in names}
        return {name: loop for name, loop in loops.items() if loop}

    def _make(self, name: str, settings: DestinationSettings) -> Destination | None:
        try:
            return make_destination(name, settings, self._surroundings)
        except (DestinationError, OSError) as error:
            self._note_failure(name, error)
            return None

    def _note_failure(self, name: str, error: Exception) -> None:
        log.error("destination %s: %s", name, error)
        self.failed[name] = str(error)

    def _attach(
        self, name: str, settings: DestinationSettings, destination: Destination
    ) -> DeliveryLoop | None:
        try:
            self._spool.positions.attach(name, destination.identity, settings.start, destination.kinds)
        except (SpoolError, OSError) as error:
            self._note_failure(name, error)
            return None
        if name in self._withheld:
            log.error("destination %s is paused: %s", name, self._withheld[name])
            destination.close()
            return None
        loop = DeliveryLoop(
            destination,
            settings,
            self._spool,
            hostname=self._surroundings.hostname,
            clocks=self._clocks,
            totals=self.totals.setdefault(name, DeliveryTotals()),
            changed=self._changed,
        )
        return loop if not self._has_begun or self._begins(name, loop) else None

    def _begins(self, name: str, loop: DeliveryLoop) -> bool:
        try:
            loop.start()
        except RuntimeError as error:  # no thread is to be had now; it is tried again
            self._note_failure(name, error)
            return False
        return True

    @staticmethod
    def _end(loops: Sequence[DeliveryLoop], flush_seconds: float, answer_seconds: float = 0.0) -> None:
        """End them side by side: one that hangs takes no time from the others."""
        for loop in loops:
            loop.begin_stop(flush_seconds, answer_seconds)
        deadline = time.monotonic() + flush_seconds + _LONGER_SECONDS
        for loop in loops:
            if not loop.join(max(0.0, deadline - time.monotonic())):
                log.warning("destination %s did not stop in time; it is abandoned", loop.name)
