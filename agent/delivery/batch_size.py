"""How much one request holds: halved when it was too much, grown back on success, small after an outage.

Pure. It remembers what was too much, so that a slow line is not tried with twice of what it carries at
every second request.
"""

RAMP = 1 / 8
"""Of a full batch: the first one after an outage, doubled by each success."""

SUCCESSES_BEFORE_MORE = 8
"""In a row at the largest size that went through, before more than that is tried."""


class BatchSize:
    """The bounds of the next batch, in events and in bytes of JSON."""

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._share = self._limit = 1.0
        self._successes = 0

    @property
    def events(self) -> int:
        """Return how many events at most."""
        return max(1, int(self._max_events * self._share))

    @property
    def bytes(self) -> int:
        """Return how many bytes at most."""
        return max(1, int(self._max_bytes * self._share))

    def too_much(self, events: int, size_bytes: int) -> None:
        """Send half of this from now on."""
        if events <= 1:
            return  # one event cannot be halved: its size was not the trouble
        sent = min(self._share, max(events / self._max_events, size_bytes / self._max_bytes))
        self._share = self._limit = sent / 2
        self._successes = 0

    def ramp(self) -> None:
        """Begin small: the other side comes back from an outage."""
        self._share = min(self._share, RAMP)

    def succeeded(self) -> None:
        """Grow towards the limit, and rarely beyond it."""
        if self._share < self._limit:
            self._share = min(self._limit, self._share * 2)
            return
        if self._limit < 1:
            self._successes += 1
            if self._successes >= SUCCESSES_BEFORE_MORE:
                self._successes = 0
                self._share = self._limit = min(1.0, self._limit * 2)
