"""When a StackState receiver is told of topology and health, and what of them.

Health goes at every interval. Topology goes when it differs from what the receiver has, when that may not be known any
more (another key, another host name, a failure in between), and once an hour all the same.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from agent.events.host_state import HostState
from agent.systems.stackstate import health, topology
from agent.systems.stackstate.settings import StackStateSettings

FIRST_SECONDS = 2.0
"""After the start: so long collectors take to compare what they remember of another boot."""

SOON_SECONDS = 5.0
"""Between two snapshots at least, however much happens."""

_HOUR_SECONDS = 3600.0

Json = dict[str, Any]


class Snapshots:
    """What one receiver was told last, and when it is told again; for one thread."""

    def __init__(
        self,
        settings: StackStateSettings,
        hostname: Callable[[], str | None],
        host_state: Callable[[], HostState],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._hostname = hostname
        self._host_state = host_state
        self._clock = clock
        self._due = clock() + FIRST_SECONDS
        self._told_at = float("-inf")
        self._topology_at = float("-inf")
        self._topology: tuple[str, Json] | None = None
        self._pending: tuple[str, Json] | None = None
        self.has_lost = False
        """Whether a request failed since the last snapshot arrived: what the receiver has is not known any more."""

    def due_seconds(self) -> float | None:
        """Return after how many seconds the next one is due; None where none is asked for."""
        if not (self._settings.topology or self._settings.health):
            return None
        return max(0.0, self._due - self._clock())

    def hurry(self) -> None:
        """Have the next one soon: something has changed that it would tell."""
        self._due = min(self._due, max(self._clock(), self._told_at + SOON_SECONDS))

    def make(self, key: str, now: float) -> bytes | None:
        """Return the body of a request; None when there is nothing to tell, or this host has no name.

        `key` is the credential it goes under, `now` seconds since the epoch. The next one is due an interval later.
        """
        self._told_at = self._clock()
        self._due = self._told_at + self._settings.health_interval
        self._pending = None
        hostname = self._hostname()
        if not hostname:
            return None
        state = self._host_state()
        topologies = list(self._topologies(hostname, state, key))
        healths = list(self._healths(hostname, state))
        return _body(hostname, now, topologies, healths) if topologies or healths else None

    def told(self) -> None:
        """Take note that the receiver has the last one."""
        self.has_lost = False
        if self._pending is not None:
            self._topology, self._topology_at = self._pending, self._told_at

    def lost(self) -> None:
        """Take note that a request failed, of these or of others: the next topology goes whatever it says."""
        self.has_lost = True
        self._topology = None

    def _topologies(self, hostname: str, state: HostState, key: str) -> Iterable[Json]:
        if not self._settings.topology:
            return
        instance = self._settings.instance
        made = (key, topology.snapshot(hostname, state, instance.type, instance.url))
        if made != self._topology or self._told_at - self._topology_at >= _HOUR_SECONDS:
            self._pending = made
            yield made[1]

    def _healths(self, hostname: str, state: HostState) -> Iterable[Json]:
        if self._settings.health:
            interval = self._settings.health_interval
            yield health.snapshot(hostname, state, interval, of_units=self._settings.topology)


def _body(hostname: str, now: float, topologies: list[Json], healths: list[Json]) -> bytes:
    return msgspec.json.encode(
        {
            "collection_timestamp": int(now),
            "internalHostname": hostname,
            "events": {},
            "metrics": [],
            "service_checks": [],
            "topologies": topologies,
            "health": healths,
        }
    )
