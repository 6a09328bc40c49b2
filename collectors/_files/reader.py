"""One look at one path: what lies there now, read so that it is of one moment.

Only regular files are opened to be read, and links whose target is one; nothing is waited for (a FIFO, a
tape), and none of the agent's own files is opened. A link is followed to its target where the configuration
names that very link, or where whoever made the link could read the target himself; else it is told as a
link. What cannot be read is `Unreadable`, never `Gone`.
"""

import errno
import os
import stat
from dataclasses import dataclass, replace

import msgspec

from collectors._files.fingerprint import RACY_NANOSECONDS, Content, pack_stat
from collectors._files.job import Job
from collectors._files.links import Way, follow, may_follow
from collectors._files.mount_health import MountHealth
from collectors._files.opening import Directory, opened
from collectors._files.out_of_reach import OutOfReach
from collectors._files.reading import read_moment
from collectors._files.selection import Choice
from collectors._files.texts import Readers, Texts, spellings
from collectors._regular import NotRegular, opened_name, opened_place, pass_on_lack
from collectors._sha256 import sha256_of

MAX_FOLLOWED_BYTES = 1024 * 1024
"""A link to something larger, a program mostly, is compared by where it points."""

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_NOT_NOW = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""A lease of somebody's, or something lacked for a moment: look again."""


class Seen(msgspec.Struct, frozen=True):
    """A regular file or a link, as it is."""

    stat: bytes
    """Packed, of the path itself."""
    content: Content
    status: os.stat_result
    is_racy: bool = False
    """It changed so shortly before the look that a further change might not show in its times."""
    chain: tuple[tuple[str, str], ...] = ()
    """For a followed link: the (directory, name) pairs that decide what it leads to."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing lies there, or nothing that is a file."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something lies there, or may; it cannot be read."""

    reason: str
    status: os.stat_result | None = None
    is_trouble: bool = True
    """Whether somebody has to know; not of a link into an automount that nobody uses."""


@dataclass(frozen=True, slots=True)
class Busy:
    """It was being written the whole time, or could not be opened just now."""


Found = Seen | Gone | Unreadable | Busy


class FileReader:
    """Looks at the paths of one run."""

    def __init__(self, job: Job, texts: Texts, health: MountHealth) -> None:
        self._selection = job.selection
        self.texts = texts
        """Makes the texts that may be told."""
        self._health = health
        self._now_nanoseconds = job.now_nanoseconds
        self._is_own = job.runtime.is_own

    def look(self, path: str, choice: Choice) -> Found:
        """Look at an absolute path."""
        try:
            with opened(path.rpartition("/")[0], self._selection.named.__contains__) as directory:
                return self.look_in(directory, path.rpartition("/")[2], path, choice)
        except OSError as error:
            return _failure(error)

    def look_in(self, directory: Directory, name: str, path: str, choice: Choice) -> Found:
        """Look at `name` in an open directory."""
        try:
            with opened_name(name, dir_fd=directory.fd) as place:
                status = os.fstat(place)
                if stat.S_ISREG(status.st_mode):
                    return self._read(place, status, directory, spellings(directory, name, path), choice)
                if stat.S_ISLNK(status.st_mode):
                    return self._look_at_link(directory, place, path, choice)
                return Gone()
        except OSError as error:
            return _failure(error)

    def way(self, directory: Directory, path: str) -> Way:
        """Return where a link in an open directory leads; nowhere when it is not to be followed."""
        way = follow(f"{directory.real}/{path.rpartition('/')[2]}", self._health.check)
        if not way.real or path in self._selection.literals:
            return way
        try:
            with opened(way.real.rpartition("/")[0]) as behind:
                target = os.stat(way.real.rpartition("/")[2], dir_fd=behind.fd, follow_symlinks=False)
        except OSError as error:
            pass_on_lack(error)
            return Way("", (), way.owners)
        if self._is_own(target) or not may_follow(way, target, is_public=behind.is_public):
            return Way("", (), way.owners)
        return way

    def _read(
        self,
        place: int,
        status: os.stat_result,
        directory: Directory,
        paths: tuple[str, ...],
        choice: Choice,
    ) -> Found:
        """Read the file at an open place, whose status was just asked for."""
        try:
            with opened_place(place, self._is_own, status) as fd:
                moment = read_moment(fd, status)
        except NotRegular as error:
            return Unreadable(str(error.strerror))
        except OSError as error:
            return _failure(error, status)
        if moment is None:
            return Busy()
        readers = Readers.of(moment.status, directory)
        text, left_out = self.texts.of(moment, paths, choice, readers)
        content = Content(
            moment.sha256, text, moment.extended, left_out=left_out, is_hash_only=readers.is_elsewhere
        )
        return Seen(pack_stat(moment.status), content, moment.status, self._is_racy(moment.status))

    def _is_racy(self, status: os.stat_result) -> bool:
        return status.st_ctime_ns > self._now_nanoseconds() - RACY_NANOSECONDS

    def _look_at_link(self, directory: Directory, place: int, path: str, choice: Choice) -> Found:
        status = os.fstat(place)
        link = os.readlink("", dir_fd=place)
        is_racy = self._is_racy(status)
        try:
            way = self.way(directory, path)
        except OSError as error:
            pass_on_lack(error)
            is_trouble = not isinstance(error, OutOfReach) or error.lost.is_trouble
            return Unreadable(error.strerror or str(error), status, is_trouble=is_trouble)
        content = Content(sha256_of(os.fsencode(link)), link=link)
        own = Seen(pack_stat(status), content, status, is_racy, way.chain)
        if not way.real or self._is_watched_itself(way.real, directory):
            return own
        names = (way.real, *spellings(directory, path.rpartition("/")[2], path))
        target = self._look_behind(way, names, choice, is_literal=path in self._selection.literals)
        if not isinstance(target, Seen):
            return own
        content = msgspec.structs.replace(target.content, link=link, target=target.stat)
        return Seen(own.stat, content, target.status, is_racy or target.is_racy, way.chain)

    def _is_watched_itself(self, real: str, directory: Directory) -> bool:
        """Return whether the target is a file that the configuration means by its own path."""
        if self._selection.means(real):
            return True
        spelled, place = directory.path, directory.real
        return (
            place != spelled
            and real.startswith(place + "/")
            and self._selection.means(spelled + real[len(place) :])
        )

    def _look_behind(self, way: Way, names: tuple[str, ...], choice: Choice, *, is_literal: bool) -> Found:
        parent, _, name = way.real.rpartition("/")
        try:
            with opened(parent) as directory, opened_name(name, dir_fd=directory.fd) as place:
                target = os.fstat(place)
                # What `way` allowed may have been replaced since: what is read is what has to be allowed.
                may = is_literal or may_follow(way, target, is_public=directory.is_public)
                if not may or target.st_size > MAX_FOLLOWED_BYTES:
                    return Gone()
                # Nobody is shown through a link what not everybody may read, whatever is configured.
                return self._read(place, target, directory, names, _as_auto(choice))
        except OSError as error:
            return _failure(error)


def _as_auto(choice: Choice) -> Choice:
    return replace(choice, diff="auto" if choice.diff == "always" else choice.diff, is_literal=False)


def _failure(error: OSError, status: os.stat_result | None = None) -> Found:
    pass_on_lack(error)
    if error.errno in _NOT_NOW:
        return Busy()
    if error.errno in _GONE:
        return Gone()
    return Unreadable(error.strerror or str(error), status)
