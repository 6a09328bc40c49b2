"""Why paths are looked at, and what is known by that of when their changes happened. Times in seconds since the epoch."""

import os
from collections.abc import Mapping

import msgspec

from collectors._files.fingerprint import unpack_stat
from collectors._files.reader import Seen

SECOND = 1_000_000_000
_HINT_SECONDS = 5
"""A change may be so much older than the first hint of it."""


class Occasion(msgspec.Struct, frozen=True):
    """One reason to look."""

    earliest: float
    """Nothing found now happened before this (seconds since the epoch)."""
    while_agent_down: bool = False
    was_watched: bool = True
    """Whoever sees changes was asked for what lies below since the look before."""
    hinted: Mapping[str, float] = {}
    """When paths were first hinted at, for those that were."""

    def when(self, path: str, at: float | None, now: float) -> int:
        """Return when a change happened: as the file system says, but neither before the last look nor in the future."""
        hinted = self.hinted.get(path)
        bound = self.earliest if hinted is None else max(self.earliest, hinted - _HINT_SECONDS)
        earliest = min(bound, now)
        if at is None or (hinted is not None and at < earliest):
            at = hinted if hinted is not None else now
        return int(min(max(at, earliest), now))


def changed_at(found: Seen) -> float:
    """Return when a file, or what a link leads to, was changed last."""
    own = unpack_stat(found.stat).ctime_ns
    return max(own, found.status.st_ctime_ns) / SECOND


def listed_at(path: str) -> float | None:
    """Return when something last came or went in the directory of a path that is gone."""
    try:
        return os.stat(path.rpartition("/")[0] or "/", follow_symlinks=False).st_mtime
    except OSError:
        return None
