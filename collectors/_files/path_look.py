"""The look at single paths: each as it is now, beside what is remembered of it, and which of them were renamed.

Whatever trouble a path makes is that path's, and is handed on as it is. Nothing is compared or told here.
"""

import os
import stat
from collections.abc import Generator, Iterable
from functools import partial

from msgspec.structs import replace

from collectors._files.books import Books
from collectors._files.fingerprint import decode, file_key, pack_stat, unpack_stat
from collectors._files.job import Job, Stopped
from collectors._files.looked import Failed, Looked, blames_path
from collectors._files.mount_health import MountHealth
from collectors._files.mount_thread import HERE, Place, beat
from collectors._files.occasion import listed_at
from collectors._files.opening import Directory
from collectors._files.out_of_reach import OutOfReach
from collectors._files.reader import Busy, FileReader, Found, Gone, Seen, Unreadable
from collectors._files.selection import Choice
from collectors._files.watch_set import WatchSet

_FEW = 200
"""So few paths are looked at to the end even when the stop comes."""


class PathLook:
    """Looks at paths."""

    def __init__(
        self, job: Job, reader: FileReader, health: MountHealth, watch_set: WatchSet, books: Books
    ) -> None:
        self._job = job
        self._selection = job.selection
        self._reader = reader
        self._health = health
        self._watch_set = watch_set
        self._books = books
        self._room = books.room
        self._lost: dict[str, str] = {}

    def first(self, directory: Directory, name: str, path: str, choice: Choice) -> Looked:
        """Look at a file in an open directory for the first time: it is remembered without a word."""
        if not self._room.has_for(path):
            return Looked(path, choice, Busy(), is_learnt=True)
        found: Found | Failed
        try:
            place = self._place_in(directory, name, path)
            if place is HERE:
                found = self._read_first(directory, name, path, choice)
            else:
                found = place.do(partial(self._read_first, directory, name, path, choice))
        except OutOfReach as error:
            status = os.stat(name, dir_fd=directory.fd, follow_symlinks=False)
            found = Unreadable(error.lost.reason, status, is_trouble=error.lost.is_trouble)
        except Exception as error:
            if not blames_path(error):
                raise
            found = Failed(path, error)
        return Looked(path, choice, found, is_first_sight=True, is_learnt=True)

    def _read_first(self, directory: Directory, name: str, path: str, choice: Choice) -> Found:
        found = self._reader.look_in(directory, name, path, choice)
        beat()
        if isinstance(found, Seen):
            self._watch_set.tie(path, found)
        return found

    def _place_in(self, directory: Directory, name: str, path: str) -> Place:
        """Return where to ask for a file in a directory that is open here: elsewhere for a link that leads elsewhere."""
        if not self._health.mounts.remote:
            return HERE
        status = os.stat(name, dir_fd=directory.fd, follow_symlinks=False)
        return self._health.place_of(path) if stat.S_ISLNK(status.st_mode) else HERE

    def follow(self, directory: Directory, name: str, path: str) -> bytes:
        """Watch where a link in an open directory leads; return the packed stat of what is there, empty for nothing.

        Raises `OutOfReach` where it leads to what cannot be looked at.
        """
        return self._health.place_of(path).do(partial(self._follow, directory, name, path))

    def _follow(self, directory: Directory, name: str, path: str) -> bytes:
        chain = self._reader.way(directory, path).chain
        beat()
        self._watch_set.tie_link(path, chain)
        try:
            return pack_stat(os.stat(name, dir_fd=directory.fd))
        except OSError:
            return b""

    def look(self, paths: Iterable[str], *, is_hinted: bool) -> Generator[Looked, None, dict[str, str]]:
        """Look at each path; those that are gone last, because one that came may be what they were renamed to.

        Returns the mount points that stopped answering, each with the reason.
        """
        self._lost = {}
        present, absent = self._part(paths)
        sources = {_shape(value): path for path, value in absent.items()}
        for path in present:
            if len(present) > _FEW and self._job.runtime.stop.is_set():
                raise Stopped
            looked = self._look(path, is_hinted=is_hinted)
            if looked is None:
                continue
            if isinstance(looked.found, Seen) and looked.remembered is None:
                source = sources.get(_shape(looked.found.stat))
                if source is not None and source in absent:
                    looked = replace(looked, source=(source, absent.pop(source)))
            yield looked
        for path in absent:
            looked = self._look(path, is_hinted=is_hinted)
            if looked is not None and not isinstance(looked.found, Busy):
                yield looked
        return self._lost

    def _part(self, paths: Iterable[str]) -> tuple[list[str], dict[str, bytes]]:
        """Part the paths that seem to be there from the remembered ones that seem to be gone.

        What is out of reach is neither.
        """
        present: list[str] = []
        absent: dict[str, bytes] = {}
        for path in sorted(set(paths)):
            try:
                place = self._health.place_of(path.rpartition("/")[0])
                if place.do(partial(os.path.lexists, path)):
                    present.append(path)
                    continue
                remembered = self._remembered(path)
            except OutOfReach as error:
                self._note(error)
                continue
            except Exception as error:
                if not blames_path(error):
                    raise
                present.append(path)  # the trouble is met again when it is looked at
                continue
            if remembered is not None:
                absent[path] = remembered
        return present, absent

    def _look(self, path: str, *, is_hinted: bool) -> Looked | None:
        """Look at a path; None when there is no room to remember it, or it is out of reach now."""
        try:
            return self._look_beside_memory(path, is_hinted=is_hinted)
        except Exception as error:
            if not blames_path(error):
                raise
            return Looked(path, None, Failed(path, error))

    def _look_beside_memory(self, path: str, *, is_hinted: bool) -> Looked | None:
        remembered = self._remembered(path)
        choice = self._selection.choose(path)
        if choice is None:
            return Looked(path, None, Gone(), remembered)
        if remembered is None and not self._room.has_for(path):
            return None
        looked = Looked(path, choice, Busy(), remembered)
        try:
            looked = self._health.place_of(path).do(partial(self._read, looked, choice))
        except OutOfReach as error:
            return self._out_of_reach(looked, error)
        if isinstance(looked.found, Seen) and remembered is None:
            is_first = self._may_be_older(path, choice, is_hinted=is_hinted)
            return replace(looked, is_first_sight=is_first)
        return looked

    def _read(self, looked: Looked, choice: Choice) -> Looked:
        """Return what is found at a path; called where its file system is asked."""
        found = self._reader.look(looked.path, choice)
        beat()
        match found:
            case Seen():
                return replace(looked, found=found, others=self._watch_set.tie(looked.path, found))
            case Gone():
                return replace(looked, found=found, listed_at=listed_at(looked.path))
        return replace(looked, found=found)

    def _out_of_reach(self, looked: Looked, error: OutOfReach) -> Looked | None:
        """Return that a link leads out of reach; None where the path lies there itself."""
        if self._health.lost_above(looked.path.rpartition("/")[0]):
            self._note(error)
            return None
        try:
            status = os.lstat(looked.path)
        except OSError:
            return None
        is_trouble = error.lost.is_trouble
        return replace(looked, found=Unreadable(error.lost.reason, status, is_trouble=is_trouble))

    def _note(self, error: OutOfReach) -> None:
        if error.lost.is_trouble:
            self._lost[error.lost.point] = error.lost.reason

    def _may_be_older(self, path: str, choice: Choice, *, is_hinted: bool) -> bool:
        """Return whether a file that is not remembered may have been there before."""
        return not self._books.has_learnt(choice) or self._room.was_left_out(path, is_hinted=is_hinted)

    def _remembered(self, path: str) -> bytes | None:
        """Return what is remembered of a path, as long as it is ours."""
        value = self._job.memory.get(file_key(path))
        return value if value is not None and decode(value) is not None else None


def _shape(packed: bytes) -> tuple[int, int, int]:
    """Return what a rename leaves as it is."""
    status = unpack_stat(packed)
    return (status.inode, status.size, status.mtime_ns)
