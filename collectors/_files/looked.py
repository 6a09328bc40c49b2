"""What the look hands to the compare, as values: one path, or what was found of everything below one directory."""

from dataclasses import dataclass, field

import msgspec

from collectors._files.job import Stopped
from collectors._files.reader import Found
from collectors._files.selection import Choice
from collectors._regular import may_lack
from collectors.collector import CollectorError


@dataclass(frozen=True, slots=True)
class Failed:
    """A path made trouble that nobody foresaw."""

    path: str
    error: Exception


def blames_path(error: Exception) -> bool:
    """Return whether an error met at a path is that path's: no lack of the process, and nothing about the spool or the run."""
    return not isinstance(error, CollectorError | Stopped) and not may_lack(error)


class Looked(msgspec.Struct, frozen=True):
    """One path that was looked at."""

    path: str
    choice: Choice | None
    """None where the configuration means it no longer."""
    found: Found | Failed
    remembered: bytes | None = None
    """What is remembered of it."""
    source: tuple[str, bytes] | None = None
    """The path that it was renamed from, and what is remembered of that."""
    is_first_sight: bool = False
    """It may have been there before: it is no new file."""
    is_learnt: bool = False
    """It was met in a compare of its directory, of which more is remembered later."""
    listed_at: float | None = None
    """When something came or went in the directory of a path that is gone (seconds since the epoch)."""
    others: frozenset[str] = frozenset()
    """Other watched names of the same file."""


class Learnt(msgspec.Struct, frozen=True):
    """Files of one directory that were met for the first time, all plain: they are remembered, and told of to nobody."""

    directory: str
    names: list[str]
    remember: dict[str, bytes]
    texts: dict[str, bytes]


@dataclass(slots=True)
class Scan:
    """What was found at and below one directory; filled on the way, and handed on when all of it has been looked at."""

    changed: list[str] = field(default_factory=list)
    """Paths to be looked at: new, or different by their stat."""
    vanished: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Directories that could not be seen into, with the reason; what is remembered below them stays."""
    foreign: set[str] = field(default_factory=set)
    """Directories that are not ours to enter: another file system, the agent's own."""
    digests: dict[str, bytes | None] = field(default_factory=dict)
    """What to remember of directories that were found as remembered, or gone."""
    mounts: dict[str, str] = field(default_factory=dict)
    """Mount points by the path at which they were entered."""
    tops: list[str] = field(default_factory=list)
    """Where the walk began, and each file system that it met and left to be entered by itself."""
    visited: set[str] = field(default_factory=set)
    files: int = 0
