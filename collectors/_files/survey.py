"""A compare of what lies below a directory with what is remembered of it, by stat alone.

It finds which paths have to be looked at and which are gone, learns silently what the configuration
means for the first time, and leaves alone what it cannot see: a directory that may not be read, a file
system that is not mounted, one that is mounted over what was there. It tells nobody anything itself.

A directory whose digest is the one remembered is done with: nothing of its files is read back.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from collectors._files.fingerprint import (
    STAT_SIZE,
    decode,
    directory_key,
    files_prefix,
    pack_stat,
    unescape,
)
from collectors._files.look import Found, Seen, follow
from collectors._files.opening import Directory, opened, opened_child
from collectors._files.reach import Reach
from collectors._files.selection import Choice, Selection
from collectors._files.stats import Stats
from collectors.collector import Memory

MAX_DEPTH = 128
"""Deeper directories are not entered: whoever may write below a root could make them to wear us out."""

Learn = Callable[[Directory, str, str, Choice], Found]
"""Look at a file for the first time and remember it silently."""


@dataclass(slots=True)
class Survey:
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


class Surveyor:
    """Compares directories with memory; its callbacks are lent by the session.

    `arm` is called with each directory, and the kind of its file system, before it is listed, so that nothing changes unseen between.
    """

    def __init__(
        self,
        selection: Selection,
        memory: Memory,
        reach: Reach,
        *,
        arm: Callable[[Directory, str], None],
        learn: Learn,
        on_link: Callable[[str, tuple[tuple[str, str], ...]], None],
        on_hard_link: Callable[[str, os.stat_result], None],
        clock: Callable[[], int],
        leave_out: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        self._selection = selection
        self._memory = memory
        self._reach = reach
        self._arm = arm
        self._learn = learn
        self._on_link = on_link
        self._on_hard_link = on_hard_link
        self._wall_nanoseconds = clock
        self._leave_out = leave_out
        self.complete: frozenset[str] = frozenset()
        """The entries of the configuration whose files have all been learnt."""

    def survey(self, top: str) -> Survey:
        """Compare everything meant at and below the directory `top`."""
        found = Survey()
        self._enter(top, found)
        self._miss(top, found)
        return found

    def arm_below(self, top: str) -> None:
        """Have everything at and below `top` watched, without comparing it."""
        self._enter(top, Survey(), compares=False)

    def _enter(self, top: str, found: Survey, *, compares: bool = True) -> None:
        if self._reach.lost_above(top):
            return
        try:
            with opened(top, self._selection.named.__contains__, listable=True) as directory:
                self._note_mount(directory, found)
                if self._is_ours(directory, found):
                    self._walk(directory, found, compares=compares)
        except OSError as error:
            self._failed(top, error, found)

    def _walk(self, directory: Directory, found: Survey, *, compares: bool) -> None:
        self._arm(directory, self._reach.mounts.kind_of(directory.device))
        try:
            with os.scandir(directory.fd) as listing:
                entries = list(listing)
        except OSError as error:
            self._failed(directory.path, error, found)
            return
        found.visited.add(directory.path)
        files, inner = self._part(directory.path, entries)
        if compares:
            self._compare(directory, files, found)
        for name in inner:
            self._descend(directory, name, found, compares=compares)

    def _part(
        self, directory: str, entries: "list[os.DirEntry[str]]"
    ) -> tuple["list[os.DirEntry[str]]", list[str]]:
        """Return the files that are meant, and the names of directories that may hold some."""
        files: list[os.DirEntry[str]] = []
        inner: list[str] = []
        means, takes_all = self._selection.means, self._selection.takes_all_in(directory)
        for entry in entries:
            name = entry.name
            if entry.is_file(follow_symlinks=False):
                if (takes_all and name[0] != ".") or means(f"{directory}/{name}"):
                    files.append(entry)
                continue
            path = f"{directory}/{name}"
            is_link = entry.is_symlink()
            if entry.is_dir(follow_symlinks=False) or (is_link and path in self._selection.named):
                if self._selection.may_hold(path):
                    inner.append(name)
            elif is_link and means(path):
                files.append(entry)
        return files, inner

    def _descend(self, directory: Directory, name: str, found: Survey, *, compares: bool) -> None:
        path = f"{directory.path}/{name}"
        if self._reach.lost_at(path):
            return
        if path.count("/") > MAX_DEPTH:
            found.unreadable[path] = f"it lies more than {MAX_DEPTH} directories deep"
            return
        try:
            with opened_child(directory, name, may_follow=path in self._selection.named) as child:
                if self._is_ours(child, found):
                    self._walk(child, found, compares=compares)
        except OSError as error:
            self._failed(path, error, found)

    def _note_mount(self, directory: Directory, found: Survey) -> None:
        """Note on which mount the top of a survey lies, by the path at which all of it would be missing."""
        point = self._reach.mounts.point_of(directory.real)
        if point:
            found.mounts[point if directory.path == directory.real else directory.path] = point

    def _is_ours(self, directory: Directory, found: Survey) -> bool:
        """Return whether to enter; other file systems only where the configuration names them."""
        crosses = directory.device != directory.parent_device
        if (
            (crosses and directory.path not in self._selection.named)
            or (directory.device, directory.inode) in self._leave_out
            or self._reach.mounts.is_pseudo(directory.device)
        ):
            found.foreign.add(directory.path)
            return False
        if crosses:
            found.mounts[directory.path] = directory.real
        return True

    def _failed(self, path: str, error: OSError, found: Survey) -> None:
        if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            found.unreadable[path] = error.strerror or str(error)

    def _compare(self, directory: Directory, files: "list[os.DirEntry[str]]", found: Survey) -> None:
        found.files += len(files)
        key = directory_key(directory.path)
        known = self._memory.get(key)
        if known is None and not files:
            return
        if known is None and not self.complete:
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
        if stat.S_ISLNK(status.st_mode):
            self._on_link(path, follow(f"{directory.real}/{name}")[1])
            stats.add_target(directory.fd, name)
        else:
            self._on_hard_link(path, status)

    def _differ(self, directory: Directory, present: dict[str, bytes], found: Survey) -> bool:
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

    def _learn_all(self, directory: Directory, files: "list[os.DirEntry[str]]", found: Survey) -> None:
        stats = Stats(self._wall_nanoseconds())
        choice_of_all = self._selection.choose_all_in(directory.path)
        for entry in files:
            path = f"{directory.path}/{entry.name}"
            choice = choice_of_all or self._selection.choose(path)
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

    def _miss(self, top: str, found: Survey) -> None:
        """Find the remembered directories that were not met, and what was in them."""
        for directory in self._remembered_directories(top):
            if directory in found.visited or self._is_hidden(directory, found):
                continue
            skip = len(files_prefix(directory))
            for key, _ in self._memory.items(files_prefix(directory)):
                found.vanished.append(f"{directory}/{unescape(key[skip:])}")
            found.digests[directory_key(directory)] = None

    def _remembered_directories(self, top: str) -> Iterator[str]:
        own = directory_key(top)
        if self._memory.get(own) is not None:
            yield top
        for key, _ in self._memory.items(own + "/"):
            yield unescape(key[1:])

    def _is_hidden(self, directory: str, found: Survey) -> bool:
        hidden = found.unreadable.keys() | found.foreign
        if any(parent in hidden for parent in _upwards(directory)):
            return True
        lost = self._reach.lost_above(directory)
        if lost is not None:
            found.unreadable[lost.point] = lost.reason
        return lost is not None


def _upwards(directory: str) -> Iterator[str]:
    while True:
        yield directory
        if not directory:
            return
        directory = directory.rpartition("/")[0]
