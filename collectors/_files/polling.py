"""Directories that cannot be watched, or not well enough: what is compared by the clock instead.

Told once for each root and reason, and not again at every start.
"""

import errno
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from collectors._files.fingerprint import escape
from collectors._portable import escaped
from collectors._redaction.passing import without_secrets
from collectors.event import Category, Event

_REMOTE = 6
"""So much longer than for other subtrees is the wait where other hosts, or a daemon, may change files."""
_SHARE = 50
"""A compare is not begun before this many times its own duration has passed."""
PREFIX = "=degraded"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a directory is polled, and how often."""

    reason: str
    seconds: float


def trouble_of(error: OSError, seconds: float) -> Trouble:
    """Say why a watch could not be added, and what to do."""
    if error.errno == errno.ENOSPC:
        return Trouble("the limit of inotify watches is reached: raise fs.inotify.max_user_watches", seconds)
    if error.errno == errno.EMFILE:
        return Trouble(
            "the limit of inotify instances is reached: raise fs.inotify.max_user_instances", seconds
        )
    return Trouble(escaped(f"the kernel does not watch it: {error.strerror or error}"), seconds)


def remote(kind: str, seconds: float) -> Trouble:
    """Say why a file system of this kind is polled besides being watched."""
    return Trouble(f"changes made elsewhere give no signal on {kind}", _REMOTE * seconds)


class Polling:
    """The directories that are compared by the clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._directories: dict[str, Trouble] = {}
        self._due: dict[float, float] = {}
        self._is_told = True

    def add(self, directory: str, trouble: Trouble) -> None:
        """Compare `directory` by the clock from now on."""
        if self._directories.get(directory) != trouble:
            self._directories[directory] = trouble
            self._due.setdefault(trouble.seconds, self._monotonic() + trouble.seconds)
            self._is_told = False

    def remove(self, directory: str) -> None:
        """Leave `directory` to the watch again."""
        if self._directories.pop(directory, None) is not None:
            self._is_told = False

    def forget(self, directory: str) -> None:
        """Let go of everything at and below `directory`, which is gone."""
        for path in [
            path for path in self._directories if path == directory or path.startswith(directory + "/")
        ]:
            self.remove(path)

    @property
    def has_news(self) -> bool:
        """Whether something changed since it was told."""
        return not self._is_told

    def next_due(self) -> float | None:
        """Return when the next compare is due, in monotonic seconds."""
        return min(self._due.values(), default=None) if self._directories else None

    def take(self) -> tuple[str, ...]:
        """Return the directories that are due."""
        now = self._monotonic()
        due = {seconds for seconds, when in self._due.items() if when <= now}
        return tuple(path for path, trouble in self._directories.items() if trouble.seconds in due)

    def done(self, started: float) -> None:
        """Note that what `take` gave was compared, beginning at `started`."""
        now = self._monotonic()
        wanted = {trouble.seconds for trouble in self._directories.values()}
        self._due = {
            seconds: when if when > started else now + max(seconds, _SHARE * (now - started))
            for seconds, when in self._due.items()
            if seconds in wanted
        }

    def tell(
        self, roots: Iterable[str], told: Mapping[str, bytes], timestamp: int
    ) -> tuple[list[Event], dict[str, bytes | None]]:
        """Return what to tell since last time, given what was told before, and what to remember of it."""
        events: list[Event] = []
        remember: dict[str, bytes | None] = {}
        for root in roots:
            key = PREFIX + escape(root)
            troubles = {
                path: trouble
                for path, trouble in self._directories.items()
                if path == root or path.startswith(root + "/")
            }
            if not troubles:
                if key in told:
                    remember[key] = None
                continue
            trouble = next(iter(troubles.values()))
            if told.get(key) != trouble.reason.encode():
                events.append(
                    _degraded(
                        _common(troubles),
                        trouble.reason,
                        timestamp,
                        count=len(troubles),
                        poll_seconds=trouble.seconds,
                    )
                )
                remember[key] = trouble.reason.encode()
        self._is_told = True
        return events, remember


def _common(paths: Iterable[str]) -> str:
    """Return the deepest directory that holds all of `paths`."""
    split = [path.split("/") for path in paths]
    common = split[0]
    for parts in split[1:]:
        length = next(
            (i for i, pair in enumerate(zip(common, parts, strict=False)) if pair[0] != pair[1]), None
        )
        common = common[: min(len(common), len(parts)) if length is None else length]
    return "/".join(common)


def _degraded(path: str, reason: str, timestamp: int, *, count: int, poll_seconds: float) -> Event:
    """Return the event that says that changes below `path` are found by polling only."""
    shown = without_secrets(escaped(path or "/"))
    return Event(
        name="agent",
        event_type="WatchDegradedEvent",
        category=Category.ALERTS,
        title=f"Changes below {shown} are noticed late",
        text=f"{shown} cannot be watched: {reason}. It is compared every {poll_seconds:.0f} s instead.",
        timestamp=timestamp,
        data={"path": shown, "reason": reason, "directories": count, "poll_seconds": poll_seconds},
    )
