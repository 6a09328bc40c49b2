"""A walk through what lies below a directory, which has each directory on the way watched and compared.

It finds which paths have to be looked at and which are gone, and leaves alone what it cannot see: a
directory that may not be read, a file system that is not mounted, one that is mounted over what was
there. It tells nobody anything itself.
"""

import errno
import os
from collections.abc import Callable, Iterator

from collectors._files.directory_diff import MOUNT, DirectoryDiff, ScanResult
from collectors._files.fingerprint import directory_key, escape, files_prefix, unescape
from collectors._files.mount_health import MountHealth
from collectors._files.mounts import upwards
from collectors._files.opening import Directory, opened, opened_child
from collectors._files.selection import Selection
from collectors._portable import escaped
from collectors._regular import pass_on_lack
from collectors.collector import CollectorError, Memory

MAX_DEPTH = 128
"""Deeper directories are not entered: whoever may write below a root could make them to wear us out."""


class TreeWalk:
    """Walks through directories.

    `arm` is called with each directory, and the kind of its file system, before it is listed, so that
    nothing changes unseen between.
    """

    def __init__(
        self,
        selection: Selection,
        memory: Memory,
        reach: MountHealth,
        comparison: DirectoryDiff,
        *,
        arm: Callable[[Directory, str], None],
        leave_out: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        self._selection = selection
        self._memory = memory
        self._reach = reach
        self.comparison = comparison
        self._arm = arm
        self._leave_out = leave_out

    def survey(self, top: str) -> ScanResult:
        """Compare everything meant at and below the directory `top`."""
        found = ScanResult()
        self._enter(top, found)
        self._miss(top, found)
        return found

    def arm_below(self, top: str) -> None:
        """Have everything at and below `top` watched, without comparing it."""
        self._enter(top, ScanResult(), compares=False)

    def _enter(self, top: str, found: ScanResult, *, compares: bool = True) -> None:
        if self._reach.lost_above(top):
            return
        try:
            with opened(top, self._selection.named.__contains__, listable=True) as directory:
                self._note_mount(directory, found)
                if self._is_ours(directory, found):
                    self._walk(directory, found, compares=compares)
        except OSError as error:
            self._failed(top, error, found)

    def _walk(self, directory: Directory, found: ScanResult, *, compares: bool) -> None:
        self._arm(directory, self._reach.mounts.kind_of(directory.status.st_dev))
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

    def _compare(self, directory: Directory, files: "list[os.DirEntry[str]]", found: ScanResult) -> None:
        """Compare the files of one directory; whatever trouble one makes, the others are compared."""
        try:
            is_first_sight = self._is_first_sight(directory, found)
            self.comparison.compare(directory, files, found, is_first_sight=is_first_sight)
        except (CollectorError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - it is this directory's trouble, and is told as that
            found.unreadable[directory.path] = escaped(f"{type(error).__name__}: {error}")

    def _is_first_sight(self, directory: Directory, found: ScanResult) -> bool:
        """Return whether a directory lies on what an automount had mounted for the first time: nobody made its files now."""
        mounts = self._reach.mounts
        point = mounts.point_of(directory.real) if found.mounts else ""
        return mounts.is_automounted(point) and any(
            at == point and self._memory.get(MOUNT + escape(path)) is None
            for path, at in found.mounts.items()
        )

    def _part(
        self, directory: str, entries: "list[os.DirEntry[str]]"
    ) -> tuple["list[os.DirEntry[str]]", list[str]]:
        """Return the files that are meant, and the names of directories that may hold some."""
        files: list[os.DirEntry[str]] = []
        inner: list[str] = []
        means, plainly_means = self._selection.means, self._selection.plainly_means(directory)
        for entry in entries:
            name = entry.name
            if entry.is_file(follow_symlinks=False):
                if plainly_means(name) or means(f"{directory}/{name}"):
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

    def _descend(self, directory: Directory, name: str, found: ScanResult, *, compares: bool) -> None:
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

    def _note_mount(self, directory: Directory, found: ScanResult) -> None:
        """Note on which mount the top of a survey lies, by the path at which all of it would be missing."""
        point = self._reach.mounts.point_of(directory.real)
        if point:
            found.mounts[point if directory.path == directory.real else directory.path] = point

    def _is_ours(self, directory: Directory, found: ScanResult) -> bool:
        """Return whether to enter; other file systems only where the configuration names them."""
        crosses = directory.status.st_dev != directory.parent_device
        if (
            (crosses and directory.path not in self._selection.named)
            or (directory.status.st_dev, directory.status.st_ino) in self._leave_out
            or self._reach.mounts.is_pseudo(directory.status.st_dev)
        ):
            found.foreign.add(directory.path)
            return False
        if crosses:
            found.mounts[directory.path] = directory.real
        return True

    def _failed(self, path: str, error: OSError, found: ScanResult) -> None:
        pass_on_lack(error)
        if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            found.unreadable[path] = error.strerror or str(error)

    def _miss(self, top: str, found: ScanResult) -> None:
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

    def _is_hidden(self, directory: str, found: ScanResult) -> bool:
        hidden = found.unreadable.keys() | found.foreign
        if any(parent in hidden for parent in upwards(directory)):
            return True
        lost = self._reach.lost_above(directory)
        if lost is not None and lost.is_trouble:
            found.unreadable[lost.point] = lost.reason
        return lost is not None
