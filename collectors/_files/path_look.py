"""The look at single paths: each as it is now, beside what is remembered of it, and which of them were renamed.

Whatever trouble a path makes is that path's, and is handed on as it is. Nothing is compared or told here.
"""

import os
from collections.abc import Iterable, Iterator

from collectors._files.books import Books
from collectors._files.fingerprint import decode, file_key, unpack_stat
from collectors._files.job import Job
from collectors._files.looked import Failed, Looked, blames_path
from collectors._files.mount_health import MountHealth
from collectors._files.occasion import listed_at
from collectors._files.opening import Directory
from collectors._files.reader import Busy, FileReader, Found, Gone, Seen
from collectors._files.selection import Choice
from collectors._files.watch_set import WatchSet

_FEW = 200
"""So few paths are looked at to the end even when the stop comes."""


class Stopped(Exception):  # noqa: N818 - what became of the look
    """The stop came before all was looked at; the next start finds the rest."""


class PathLook:
    """Looks at paths."""

    def __init__(
        self, job: Job, reader: FileReader, health: MountHealth, watching: WatchSet, books: Books
    ) -> None:
        self._job = job
        self._selection = job.selection
        self._reader = reader
        self._health = health
        self._watching = watching
        self._books = books
        self._room = books.room

    def first(self, directory: Directory, name: str, path: str, choice: Choice) -> Looked:
        """Look at a file in an open directory for the first time: it is remembered without a word."""
        if not self._room.has_for(path):
            return Looked(path, choice, Busy(), is_learnt=True)
        try:
            found: Found | Failed = self._reader.look_in(directory, name, path, choice)
        except Exception as error:
            if not blames_path(error):
                raise
            found = Failed(path, error)
        return Looked(path, choice, found, is_first_sight=True, is_learnt=True)

    def look(self, paths: Iterable[str], *, is_hinted: bool) -> Iterator[Looked]:
        """Look at each path; those that are gone last, because one that came may be what they were renamed to."""
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
                    looked = looked._replace(source=(source, absent.pop(source)))
            yield looked
        for path in absent:
            looked = self._look(path, is_hinted=is_hinted)
            if looked is not None and not isinstance(looked.found, Busy):
                yield looked

    def _part(self, paths: Iterable[str]) -> tuple[list[str], dict[str, bytes]]:
        """Part the paths that seem to be there from the remembered ones that seem to be gone.

        What is out of reach is neither.
        """
        present: list[str] = []
        absent: dict[str, bytes] = {}
        for path in sorted(set(paths)):
            if self._health.lost_above(path.rpartition("/")[0]):
                continue
            if os.path.lexists(path):
                present.append(path)
                continue
            remembered = self._remembered(path)
            if remembered is not None:
                absent[path] = remembered
        return present, absent

    def _look(self, path: str, *, is_hinted: bool) -> Looked | None:
        """Look at a path; None when there is no room to remember it."""
        remembered = self._remembered(path)
        choice = self._selection.choose(path)
        if choice is None:
            return Looked(path, None, Gone(), remembered)
        if remembered is None and not self._room.has_for(path):
            return None
        try:
            found = self._reader.look(path, choice)
            others = self._watching.tie(path, found) if isinstance(found, Seen) else frozenset()
        except Exception as error:
            if not blames_path(error):
                raise
            return Looked(path, choice, Failed(path, error), remembered)
        match found:
            case Seen():
                is_first = remembered is None and self._may_be_older(path, choice, is_hinted=is_hinted)
                return Looked(path, choice, found, remembered, is_first_sight=is_first, others=others)
            case Gone():
                return Looked(path, choice, found, remembered, listed_at=listed_at(path))
        return Looked(path, choice, found, remembered)

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
