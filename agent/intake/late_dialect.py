"""A dialect that is loaded at the first request to one of its paths: what nobody speaks costs nothing."""

import re
from collections.abc import Callable

import msgspec

from agent.intake.dialect import Dialect


class LateDialect(msgspec.Struct):
    """Which dialect it is, the paths it is for, and how it is made; any thread may ask."""

    name: str
    paths: re.Pattern[str]
    """What the whole of a path must match: at least all paths of its routes."""
    make: Callable[[], Dialect]
    _made: Dialect | None = None

    def at(self, path: str) -> Dialect | None:
        """Return the dialect where the path may be one of its own."""
        return self.load() if self.paths.fullmatch(path) else None

    def load(self) -> Dialect:
        """Return the dialect; two threads that ask at once may make two, which are alike."""
        if self._made is None:
            self._made = self.make()
        return self._made
