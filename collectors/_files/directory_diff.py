"""A compare of one directory's files with what is remembered of them, by stat alone.

A directory whose digest is the one remembered is done with: nothing of its files is read back. What the
configuration means for the first time is learnt, silently.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from collectors._files.default_excludes import is_ordinary
from collectors._files.fingerprint import (
    STAT_SIZE,
    decode,
    directory_key,
    files_prefix,
    pack_stat,
    unescape,
)
from collectors._files.links import Way
from collectors._files.mount_health import OutOfReach
from collectors._files.opening import Directory
from collectors._files.reader import Found, Seen
from collectors._files.selection import Choice, Selection
from collectors._files.stats import Stats
from collectors.collector import Memory

Learn = Callable[[Directory, str, str, Choice], Found]
"""Look at a file for the first time and remember it silently."""

MOUNT = "=mount"
"""Begins the key by which a mount point is remembered."""


@dataclass(slots=True)
class ScanResult:
    """What one compare found."""

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
    visited: set[str] = field(default_factory=set)
    files: int = 0


class DirectoryDiff:
    """Compares directories, one at a time; its callbacks are lent by the session."""

    def __init__(
        self,
        selection: Selection,
        memory: Memory,
        *,
        learn: Learn,
        way: Callable[[Directory, str], Way],
        on_link: Callable[[str, tuple[tuple[str, str], ...]], None],
        on_hard_link: Callable[[str, os.stat_result], None],
        clock: Callable[[], int],
    ) -> None:
        self._selection = selection
        self._memory = memory
        self._learn = learn
        self._way = way
        self._on_link = on_link
        self._on_hard_link = on_hard_link
        self._wall_nanoseconds = clock
        self.complete: frozenset[str] = frozenset()
        """The entries of the configuration whose files have all been learnt."""

    def compare(
        self,
        directory: Directory,
        files: "list[os.DirEntry[str]]",
        found: ScanResult,
        *,
        is_first_sight: bool = False,
    ) -> None:
        """Compare the files of one open directory that are meant, or learn them; add to `found` what differs."""
        found.files += len(files)
        key = directory_key(directory.path)
        known = self._memory.get(key)
        if known is None and not files:
            return
        if known is None and (is_first_sight or not self.complete):
            self._learn_all(directory, files, found)
            return
        stats = Stats(self._wall_nanoseconds())
        for entry in files:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone between the listing and now
            stats.add(entry.name, pack_stat(status), status.st_ctime_ns)
            if status.st_nlink > 1 or stat.S_ISLNK(status.st_mode):
                self._note_ties(directory, entry.name, status, stats)
        digest = stats.digest(self._selection.identity)
        if known and known == digest:
            return
        if self._differ(directory, stats.by_name(), found):
            return
        found.digests[key] = digest

    def _note_ties(self, directory: Directory, name: str, status: os.stat_result, stats: Stats) -> None:
        """Take into account what else a link, or a file with several names, hangs together with."""
        path = f"{directory.path}/{name}"
        if not stat.S_ISLNK(status.st_mode):
            self._on_hard_link(path, status)
            return
        try:
            reach = self._way(directory, path).reach
        except OutOfReach:
            stats.is_sure = False
        else:
            self._on_link(path, reach)
            stats.add_target(directory.fd, name)

    def _differ(self, directory: Directory, present: dict[str, bytes], found: ScanResult) -> bool:
        """Compare file by file; return whether anything is different."""
        before = len(found.changed) + len(found.vanished)
        skip = len(files_prefix(directory.path))
        for key, value in self._memory.items(files_prefix(directory.path)):
            name = unescape(key[skip:])
            packed = present.pop(name, None)
            if packed is None:
                found.vanished.append(f"{directory.path}/{name}")
            elif (
                value[:STAT_SIZE] != packed
                or self._is_link_to_check(value)
                or self._is_new_to_an_entry(f"{directory.path}/{name}")
            ):
                found.changed.append(f"{directory.path}/{name}")
        for name in present:
            path = f"{directory.path}/{name}"
            choice = self._selection.choose(path)
            if choice is not None and self.complete.isdisjoint(choice.scopes):
                self._learn(directory, name, path, choice)
            else:
                found.changed.append(path)
        return bool(present) or len(found.changed) + len(found.vanished) > before

    def _is_link_to_check(self, value: bytes) -> bool:
        fingerprint = decode(value)
        return fingerprint is None or fingerprint.stat.is_link

    def _is_new_to_an_entry(self, path: str) -> bool:
        if self.complete >= self._selection.identities:
            return False
        choice = self._selection.choose(path)
        return choice is not None and not self.complete.issuperset(choice.scopes)

    def _learn_all(self, directory: Directory, files: "list[os.DirEntry[str]]", found: ScanResult) -> None:
        stats = Stats(self._wall_nanoseconds())
        choice_of_all = self._selection.choose_all_in(directory.path)
        for entry in files:
            path = f"{directory.path}/{entry.name}"
            of_all = choice_of_all if is_ordinary(entry.name) else None
            choice = of_all or self._selection.choose(path)
            seen = self._learn(directory, entry.name, path, choice) if choice else None
            if not isinstance(seen, Seen):
                stats.is_sure = False
                continue
            stats.add(entry.name, seen.stat, seen.status.st_ctime_ns)
            if seen.content.link is not None:
                self._on_link(path, seen.reach)
                stats.add_target(directory.fd, entry.name)
            elif seen.status.st_nlink > 1:
                self._on_hard_link(path, seen.status)
        found.digests[directory_key(directory.path)] = stats.digest(self._selection.identity)
