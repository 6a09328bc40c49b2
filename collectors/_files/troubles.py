"""Paths that make trouble nobody foresaw: each is told once, and holds nothing else up.

What is told stays remembered until the path can be compared again, so that it is not told at every start.
"""

from collections.abc import Mapping

from collectors._files.compare import Change
from collectors._files.fingerprint import escape, unescape
from collectors._portable import escaped
from collectors.collector import Memory
from collectors.event import Category, Event

PREFIX = "=trouble"
_MAX_TOLD = 100
"""So many are told one by one; whoever makes more of them is counted in `status`."""


class Troubles:
    """The paths that could not be compared when they were looked at last."""

    def __init__(self, memory: Memory) -> None:
        self._reasons = {
            unescape(key[len(PREFIX) :]): value.decode("utf-8", "replace")
            for key, value in memory.items(PREFIX)
        }

    def concern(self, path: str) -> bool:
        """Return whether a path could not be compared when it was looked at last."""
        return path in self._reasons

    def met(self, path: str, error: Exception, now: int) -> Change:
        """Note why a path could not be compared; return what to tell of it, if that is new."""
        reason = escaped(f"{type(error).__name__}: {error}")[:200]
        is_known = path in self._reasons
        self._reasons[path] = reason
        if is_known or len(self._reasons) > _MAX_TOLD:
            return Change(path, {})
        return Change(path, {PREFIX + escape(path): reason.encode()}, events=[_event(path, reason, now)])

    def over(self, path: str) -> Mapping[str, bytes | None]:
        """Note that a path was compared, or is gone; return what to remember of that."""
        if not self._reasons or self._reasons.pop(path, None) is None:
            return {}
        return {PREFIX + escape(path): None}

    def in_words(self) -> str:
        """Return what `status` shows of them; empty when there is nothing."""
        if not self._reasons:
            return ""
        path, reason = next(iter(self._reasons.items()))
        return f"cannot compare {len(self._reasons)}, as {escaped(path)}: {reason}"


def _event(path: str, reason: str, now: int) -> Event:
    shown = escaped(path)
    return Event(
        name="agent",
        event_type="WatchDegradedEvent",
        category=Category.ALERTS,
        title=f"Changes of {shown} cannot be told",
        text=f"{shown} cannot be compared: {reason}. Everything else is watched as before.",
        timestamp=now,
        data={"path": shown, "reason": reason},
    )
