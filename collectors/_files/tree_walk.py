"""A walk through what lies below a directory, which has each directory on the way watched before it is listed.

It leaves alone what it cannot see, and notes that: a directory that may not be read, a file system that is
not mounted, one that is mounted over what was there. It compares nothing and tells nobody anything.
"""

import errno
import os
from collections.abc import Callable, Iterator
from typing import TypeAlias

from collectors._files.job import Job
from collectors._files.looked import Scan
from collectors._files.mount_health import MountHealth
from collectors._files.mount_thread import beat
from collectors._files.opening import Directory, opened, opened_child
from collectors._files.watch_set import WatchSet
from collectors._regular import pass_on_lack

MAX_DEPTH = 128
"""Deeper directories are not entered: whoever may write below a root could make them to wear us out."""

Entries: TypeAlias = "list[os.DirEntry[str]]"


class Listing:
    """An open directory, and the files and links in it."""

    __slots__ = ("_files", "_meant", "candidates", "directory", "has_plain_names")

    def __init__(
        self, directory: Directory, candidates: Entries, meant: Callable[[str, Entries], tuple[Entries, bool]]
    ) -> None:
        """`meant` returns those entries of a directory that the configuration means, and whether that was plain of all by their names."""
        self.directory = directory
        self.candidates = candidates
        """All that are no directories, meant or not."""
        self._meant = meant
        self._files: Entries | None = None
        self.has_plain_names = False
        """Whether it was found that each of them has a name that is plainly meant."""

    @property
    def files(self) -> Entries:
        """Those that are meant."""
        if self._files is None:
            self._files, self.has_plain_names = self._meant(self.directory.path, self.candidates)
        return self._files

    def take_all(self) -> None:
        """Let all be meant: it is known without matching a name."""
        self._files = self.candidates


class TreeWalk:
    """Walks through directories."""

    def __init__(self, job: Job, health: MountHealth, watch_set: WatchSet) -> None:
        self._selection = job.selection
        self._leave_out = job.runtime.leave_out
        self._health = health
        self._watch_set = watch_set

    def listings(self, top: str, scan: Scan) -> Iterator[Listing]:
        """Yield each directory at and below `top`, which is open until the next is asked for; note in `scan` what cannot be seen."""
        try:
            with opened(top, self._selection.named.__contains__, listable=True) as directory:
                beat()
                self._note_mount(directory, scan)
                if self._is_ours(directory, scan):
                    yield from self._walk(directory, scan)
        except OSError as error:
            note_failure(top, error, scan)

    def _walk(self, directory: Directory, scan: Scan) -> Iterator[Listing]:
        self._watch_set.arm(directory)
        try:
            with os.scandir(directory.fd) as listing:
                entries = list(listing)
        except OSError as error:
            note_failure(directory.path, error, scan)
            return
        beat()
        scan.visited.add(directory.path)
        candidates, inner = self._part(directory.path, entries)
        yield Listing(directory, candidates, self._meant)
        for name in sorted(inner):  # as the spool keeps them
            yield from self._descend(directory, name, scan)

    def _part(self, directory: str, entries: Entries) -> tuple[Entries, list[str]]:
        """Return the files and links, and the names of directories that may hold something meant."""
        if _are_files(entries):
            return entries, []
        candidates: Entries = []
        inner: list[str] = []
        plainly_means = self._selection.plainly_means(directory)
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    candidates.append(entry)
                elif not entry.is_dir(follow_symlinks=False):
                    self._put(directory, entry, candidates, inner)
                elif plainly_means(entry.name) or self._selection.may_hold(f"{directory}/{entry.name}"):
                    inner.append(entry.name)
            except OSError:
                raise
            except Exception:  # noqa: BLE001 - met again when it is looked at, and told then; it is not gone for that
                candidates.append(entry)
        return candidates, inner

    def _put(self, directory: str, entry: "os.DirEntry[str]", candidates: Entries, inner: list[str]) -> None:
        """Put a link where it belongs, and nothing else anywhere."""
        path = f"{directory}/{entry.name}"
        if entry.is_symlink():
            if path not in self._selection.named:
                candidates.append(entry)
            elif self._selection.may_hold(path):
                inner.append(entry.name)

    def _meant(self, directory: str, entries: Entries) -> tuple[Entries, bool]:
        """Return the files and links of a directory that are meant, and whether that was plain of all by their names."""
        if self._selection.plainly_means_all(directory, [entry.name for entry in entries]):
            return entries, True
        plainly_means = self._selection.plainly_means(directory)
        return [entry for entry in entries if self._is_meant(directory, entry, plainly_means)], False

    def _is_meant(
        self, directory: str, entry: "os.DirEntry[str]", plainly_means: Callable[[str], bool]
    ) -> bool:
        try:
            return plainly_means(entry.name) or self._selection.means(f"{directory}/{entry.name}")
        except Exception:  # noqa: BLE001 - met again when it is looked at, and told then; it is not gone for that
            return True

    def _descend(self, directory: Directory, name: str, scan: Scan) -> Iterator[Listing]:
        path = f"{directory.path}/{name}"
        if self._leads_elsewhere(directory, name, path):
            (scan.tops.append if path in self._selection.named else scan.foreign.add)(path)
            return
        if self._health.lost_at(path):
            return
        if path.count("/") > MAX_DEPTH:
            scan.unreadable[path] = f"it lies more than {MAX_DEPTH} directories deep"
            return
        try:
            with opened_child(directory, name, may_follow=path in self._selection.named) as child:
                beat()
                if self._is_ours(child, scan):
                    yield from self._walk(child, scan)
        except OSError as error:
            note_failure(path, error, scan)

    def _leads_elsewhere(self, directory: Directory, name: str, path: str) -> bool:
        """Return whether a remote file system begins at a directory, or may by a link: it is walked through by itself."""
        remote = self._health.mounts.remote
        return bool(remote) and (f"{directory.real}/{name}" in remote or path in self._selection.named)

    def _note_mount(self, directory: Directory, scan: Scan) -> None:
        """Note on which mount the top of a walk lies, by the path at which all of it would be missing."""
        point = self._health.mounts.point_of(directory.real)
        if point:
            scan.mounts[point if directory.path == directory.real else directory.path] = point

    def _is_ours(self, directory: Directory, scan: Scan) -> bool:
        """Return whether to enter; other file systems only where the configuration names them."""
        crosses = directory.status.st_dev != directory.parent_device
        if (
            (crosses and directory.path not in self._selection.named)
            or (directory.status.st_dev, directory.status.st_ino) in self._leave_out
            or self._health.mounts.is_pseudo(directory.status.st_dev)
        ):
            scan.foreign.add(directory.path)
            return False
        if crosses:
            scan.mounts[directory.path] = directory.real
        return True


def _are_files(entries: Entries) -> bool:
    try:
        return False not in [entry.is_file(follow_symlinks=False) for entry in entries]
    except Exception:  # noqa: BLE001 - met again, one by one
        return False


def note_failure(path: str, error: OSError, scan: Scan) -> None:
    """Note in `scan` why a directory cannot be seen into, unless it is gone; raise `Lacking` where the process lacks something."""
    pass_on_lack(error)
    if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
        scan.unreadable[path] = error.strerror or str(error)
