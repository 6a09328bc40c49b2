"""A walk through what lies below a directory, which has each directory on the way watched before it is listed.

It leaves alone what it cannot see, and notes that: a directory that may not be read, a file system that is
not mounted, one that is mounted over what was there. It compares nothing and tells nobody anything.
"""

import errno
import os
from collections.abc import Iterator
from typing import NamedTuple

from collectors._files.job import Job
from collectors._files.looked import Scan
from collectors._files.mount_health import MountHealth
from collectors._files.mount_thread import beat
from collectors._files.opening import Directory, opened, opened_child
from collectors._files.watch_set import WatchSet
from collectors._regular import pass_on_lack

MAX_DEPTH = 128
"""Deeper directories are not entered: whoever may write below a root could make them to wear us out."""


class Listing(NamedTuple):
    """An open directory, and the files in it that are meant."""

    directory: Directory
    files: "list[os.DirEntry[str]]"


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
        files, inner = self._part(directory.path, entries)
        yield Listing(directory, files)
        for name in inner:
            yield from self._descend(directory, name, scan)

    def _part(
        self, directory: str, entries: "list[os.DirEntry[str]]"
    ) -> tuple["list[os.DirEntry[str]]", list[str]]:
        """Return the files that are meant, and the names of directories that may hold some."""
        files: list[os.DirEntry[str]] = []
        inner: list[str] = []
        plainly_means = self._selection.plainly_means(directory)
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False) and plainly_means(entry.name):
                    files.append(entry)
                    continue
                self._put(directory, entry, files, inner)
            except OSError:
                raise
            except Exception:  # noqa: BLE001 - met again when it is looked at, and told then; it is not gone for that
                files.append(entry)
        return files, inner

    def _put(
        self,
        directory: str,
        entry: "os.DirEntry[str]",
        files: "list[os.DirEntry[str]]",
        inner: list[str],
    ) -> None:
        name, means = entry.name, self._selection.means
        if entry.is_file(follow_symlinks=False):
            if means(f"{directory}/{name}"):
                files.append(entry)
            return
        path = f"{directory}/{name}"
        is_link = entry.is_symlink()
        if entry.is_dir(follow_symlinks=False) or (is_link and path in self._selection.named):
            if self._selection.may_hold(path):
                inner.append(name)
        elif is_link and means(path):
            files.append(entry)

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


def note_failure(path: str, error: OSError, scan: Scan) -> None:
    """Note in `scan` why a directory cannot be seen into, unless it is gone; raise `Lacking` where the process lacks something."""
    pass_on_lack(error)
    if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
        scan.unreadable[path] = error.strerror or str(error)
