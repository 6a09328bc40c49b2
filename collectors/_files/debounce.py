"""When a path that was hinted at is looked at: once, a settle after its first hint.

The settle bounds the latency, and doubles, to a minute, for a path that keeps changing; it comes back
when the path comes to rest. Only paths with something going on are held. Times are monotonic seconds.
"""

import heapq
from dataclasses import dataclass

MAX_WINDOW_SECONDS = 60.0
_REST_SECONDS = 0.5
"""A path at rest for this long, or twice its window, starts anew."""
_OFTEN = 20
_OFTEN_SECONDS = 60.0
"""A path told of this often in that time keeps doubling even when it rests in between."""
_MAX_HOT = 4096


@dataclass(slots=True)
class _Heat:
    """How often one path was hinted at lately."""

    window: float
    last: float
    counting_since: float
    count: int = 0


class Debouncer:
    """The paths that wait to be looked at."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._hot: dict[str, _Heat] = {}

    def __len__(self) -> int:
        return len(self._due)

    def touch(self, path: str, now: float, settle_seconds: float) -> None:
        """Take a hint; a path that already waits goes on waiting."""
        if path not in self._due:
            self.put(path, now + self._window(path, now, settle_seconds))

    def put(self, path: str, due: float) -> None:
        """Have `path` looked at at a time."""
        self._due[path] = due
        heapq.heappush(self._heap, (due, path))

    def cancel(self, path: str) -> bool:
        """Let a path go; return whether it waited."""
        return self._due.pop(path, None) is not None

    def next_due(self) -> float | None:
        """Return when the next path is due."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[str]:
        """Return the paths that are due, and let them go."""
        taken: list[str] = []
        while (due := self.next_due()) is not None and due <= now:
            _, path = heapq.heappop(self._heap)
            del self._due[path]
            taken.append(path)
        return taken

    def told(self, path: str, now: float, settle_seconds: float) -> None:
        """Note that a change of `path` was told."""
        heat = self._hot.get(path)
        if heat is None:
            if len(self._hot) >= _MAX_HOT:
                self._cool(now)
            heat = self._hot[path] = _Heat(settle_seconds, now, now)
        if now - heat.counting_since > _OFTEN_SECONDS:
            heat.counting_since, heat.count = now, 0
        heat.count += 1
        heat.last = now

    def _window(self, path: str, now: float, settle_seconds: float) -> float:
        heat = self._hot.get(path)
        if heat is None:
            return settle_seconds
        rest = now - heat.last
        if rest <= max(_REST_SECONDS, 2 * heat.window) or heat.count > _OFTEN:
            heat.window = max(settle_seconds, min(MAX_WINDOW_SECONDS, 2 * heat.window))
            if rest > _OFTEN_SECONDS:
                heat.count = 0
        else:
            heat.window = settle_seconds
        return heat.window

    def _cool(self, now: float) -> None:
        self._hot = {
            path: heat
            for path, heat in self._hot.items()
            if now - heat.last <= max(_OFTEN_SECONDS, 2 * heat.window)
        }
        if len(self._hot) >= _MAX_HOT:
            self._hot.clear()
