"""Paths that make trouble nobody foresaw: each is told once, by its hash and stat where these are known, and holds nothing else up."""

from collections.abc import Mapping

from collectors._files.compare import Change
from collectors._portable import escaped
from collectors._redaction.passing import without_secrets
from collectors._troubles import Subject
from collectors._troubles import Troubles as AnyTroubles
from collectors.collector import Memory
from collectors.event import Value

PREFIX = "=trouble"
_PATHS = Subject(
    "path",
    "Changes of {} cannot be told",
    "{} cannot be compared: {}. Everything else is watched as before.",
    "cannot compare",
)


class Troubles:
    """The paths that could not be compared when they were looked at last."""

    def __init__(self, memory: Memory) -> None:
        self._all = AnyTroubles(memory, _PATHS, prefix=PREFIX)

    @property
    def are_any(self) -> bool:
        """Whether some path could not be compared when it was looked at last."""
        return self._all.are_any

    def concern(self, path: str) -> bool:
        """Return whether a path could not be compared when it was looked at last."""
        return self._all.are_any and _shown(path) in self._all

    def met(self, path: str, error: Exception, now: int, facts: Mapping[str, Value]) -> Change:
        """Note why a path could not be compared, and what is known of it; return what to tell of it, if that is new."""
        self._all.met(_shown(path), error, facts)
        events, remember = self._all.news(now), self._all.to_remember()
        self._all.kept()
        return Change(path, remember, events=events)

    def over(self, path: str) -> Mapping[str, bytes | None]:
        """Note that a path was compared, or is gone; return what to remember of that."""
        if not self._all.are_any:
            return {}
        self._all.over(_shown(path))
        remember = self._all.to_remember()
        self._all.kept()
        return remember

    def in_words(self) -> str:
        """Return what `status` shows of them; empty when there is nothing."""
        return self._all.in_words()


def _shown(path: str) -> str:
    return without_secrets(escaped(path))
