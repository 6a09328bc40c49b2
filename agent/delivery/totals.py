"""What a destination's deliveries add up to since the agent started: numbers for a monitoring system, nothing else.

Made for one delivery, which alone changes it; any thread may read. Never holds an event.
"""

from bisect import bisect_left
from collections.abc import Mapping

import msgspec

LATENCY_BOUNDS_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 86_400.0)
"""From a batch that goes at once to a host that was a day offline."""


def _empty() -> list[int]:
    return [0] * (len(LATENCY_BOUNDS_SECONDS) + 1)


class DeliveryTotals(msgspec.Struct):
    """The totals of one destination, by its name: they go on when its settings change."""

    retries: int = 0
    """Requests that failed and are made again, after a wait or a pause."""
    latency_sum_seconds: float = 0.0
    latency_counts: list[int] = msgspec.field(default_factory=_empty)
    """How many events were accepted within each bound and beyond the one before it; the last: beyond all."""

    def delivered(self, captured: Mapping[float, int], now: float) -> None:
        """Take note that a destination has accepted events, so many of each time of capture.

        A clock that was set between the two makes no latency negative.
        """
        for time_captured, count in captured.items():
            seconds = max(0.0, now - time_captured)
            self.latency_sum_seconds += seconds * count
            self.latency_counts[bisect_left(LATENCY_BOUNDS_SECONDS, seconds)] += count
