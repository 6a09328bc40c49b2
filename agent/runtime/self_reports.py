"""The agent's own voice: what it has to tell of itself is kept as any event is, or logged when it cannot be."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

from agent import __version__
from agent.configuration.fingerprint import configuration_hash
from agent.configuration.types import Configuration
from agent.events.capture import Capture
from agent.runtime import self_events
from agent.runtime.self_events import OWNER
from collectors.event import Event
from spool import Drop, Spool, SpoolError

log = logging.getLogger(__name__)

_FOLDED_SECONDS = 3500.0
"""Less than an hour, when `incoming/` is looked at anyway."""


class SelfReporter:
    """Makes the agent's own events and keeps them; for one thread."""

    def __init__(self, spool: Spool, capture: Capture) -> None:
        self._spool = spool
        self._capture = capture
        self._refused_until = 0.0

    def start(self, configuration: Configuration, *, was_cloned: bool) -> None:
        """Tell that the agent runs, who sees this host for the first time, and what it runs without."""
        names = configuration.collectors
        event = self_events.started(
            __version__,
            configuration_hash(configuration),
            self._baseline(names),
            _now(),
            was_cloned=was_cloned,
        )
        self._tell([event], {_seen(name): b"" for name in names})
        if configuration.replaced:
            self._tell([self_events.replaced(configuration.replaced, _now())])
        if configuration.set_aside:
            self._tell([self_events.files_set_aside(configuration.set_aside, _now())])

    def stop(self) -> None:
        """Tell that from here on nobody watches."""
        self._tell([self_events.stopped(__version__, _now())])

    def reloaded(self, before: Configuration, now: Configuration, changed: Sequence[str]) -> None:
        """Tell that a new configuration counts, and what of it differs from the one before."""
        hashes = configuration_hash(now), configuration_hash(before)
        self._tell([self_events.reloaded(__version__, *hashes, changed, _now())])

    def rejected(self, problems: Iterable[object]) -> None:
        """Tell that a new configuration is wrong and the old one goes on."""
        self._tell([self_events.configuration_rejected(map(str, problems), "The old one goes on.", _now())])

    def drops(self, drops: Sequence[Drop]) -> int:
        """Tell what was dropped; return the number of the record that tells it, 0 where none is kept."""
        return self._tell([self_events.dropped(drop, _now()) for drop in drops])

    def news_of_the_spool(self) -> bool:
        """Tell what was damaged, once it is known how much of it could be saved, and that texts had no room.

        Return whether all of it was kept; what becomes known meanwhile is not part of it.
        """
        was_kept = True
        if recoveries := self._spool.notices.recoveries():
            for recovery in recoveries:
                log.error("the spool was damaged: %s", recovery.reason)
            if self._tell([self_events.recovered(recovery, _now()) for recovery in recoveries]):
                self._spool.notices.tell_recoveries(recoveries)
            else:
                was_kept = False
        if count := self._spool.notices.texts():
            if self._tell([self_events.texts_given_up(count, _now())]):
                self._spool.notices.tell_texts()
            else:
                was_kept = False
        return was_kept

    def refused_files(self) -> None:
        """Tell of files in `incoming/` that could not be taken in: the first at once, what follows once an hour."""
        if time.monotonic() < self._refused_until:
            return
        first, count = self._spool.incoming.take_refused()
        if first is not None and self._tell([self_events.refused_files(first, count, _now())]):
            self._refused_until = time.monotonic() + _FOLDED_SECONDS

    def _baseline(self, names: Iterable[str]) -> list[str]:
        """Return the collectors that will take what they find as it is."""
        seen = self._spool.memory(OWNER)
        return [
            name
            for name in names
            if seen.get(_seen(name)) is None or self._spool.recovery is not None
            if next(iter(self._spool.memory(name).items()), None) is None
        ]

    def _tell(self, events: Sequence[Event], remember: Mapping[str, bytes | None] = {}) -> int:
        try:
            return self._capture.keep(events, OWNER, remember)
        except SpoolError as error:
            log.warning("%s was not kept: %s", ", ".join(event.event_type for event in events), error)
            return 0


def _seen(collector: str) -> str:
    return f"seen:{collector}"


def _now() -> int:
    return int(time.time())
