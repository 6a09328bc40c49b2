"""What a Prometheus reads: the numbers of `status`, and what was counted since the start, as its text format.

The library is imported at the first scrape.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.http.message import Response
from agent.runtime.metric_families import Readings, families

if TYPE_CHECKING:
    from agent.runtime.plain_prometheus import Metric

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def answer(readings: Readings) -> Response:
    """Return the answer to a scrape."""
    from agent.runtime.plain_prometheus import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    registry.register(_Once(readings))
    ProcessCollector(registry=registry)
    return Response(200, generate_latest(registry), _CONTENT_TYPE)


@dataclass(frozen=True, slots=True, eq=False)
class _Once:
    """The metrics of one moment, as the library asks for them."""

    readings: Readings

    def describe(self) -> list["Metric"]:
        """Return nothing: the names need no check at each scrape."""
        return []

    def collect(self) -> Iterator["Metric"]:
        """Yield every family."""
        return families(self.readings)
