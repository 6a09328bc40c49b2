"""One look at one path: what lies there now, read so that it is of one moment.

Only regular files are read, and links whose target is one; nothing is waited for (a FIFO, a tape), no
link planted by somebody else is followed to a place the configuration does not name, and what cannot
be read is `Unreadable`, never `Gone`.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from collectors._files.diff import text_of
from collectors._files.fingerprint import RACY_NANOSECONDS, Content, pack_stat
from collectors._files.links import follow
from collectors._files.opening import Directory, is_public_file, opened
from collectors._files.reach import Reach
from collectors._files.selection import Choice, Selection
from collectors._redaction.redact import Redactor

MAX_READ_BYTES = 64 * 1024 * 1024
"""A larger file is compared by size and times alone."""
MAX_FOLLOWED_BYTES = 1024 * 1024
"""A link to something larger, a program mostly, is compared by where it points."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_BLOCK = 1024 * 1024
_ATTEMPTS = 3
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Seen(msgspec.Struct, frozen=True):
    """A regular file or a link, as it is."""

    stat: bytes
    """Packed, of the path itself."""
    content: Content
    status: os.stat_result
    is_racy: bool = False
    """It changed so shortly before the look that a further change might not show in its times."""
    reach: tuple[tuple[str, str], ...] = ()
    """For a followed link: the (directory, name) pairs that decide what it leads to."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing lies there, or nothing that is a file."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something lies there, or may; it cannot be read."""

    reason: str
    status: os.stat_result | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """It was being written the whole time."""


Found = Seen | Gone | Unreadable | Busy


class Looker:
    """Looks at paths of one selection."""

    def __init__(
        self, selection: Selection, redactor: Redactor, reach: Reach, *, clock: Callable[[], int]
    ) -> None:
        self._selection = selection
        self._redactor = redactor
        self._check = reach.check
        self._wall_nanoseconds = clock

    def look(self, path: str, choice: Choice) -> Found:
        """Look at `path`, wherever it lies."""
        try:
            with opened(path.rpartition("/")[0], self._selection.named.__contains__) as directory:
                return self.look_in(directory, path.rpartition("/")[2], path, choice)
        except OSError as error:
            return _failure(error)

    def look_in(self, directory: Directory, name: str, path: str, choice: Choice) -> Found:
        """Look at `name` in an open directory."""
        try:
            fd = os.open(name, _READ, dir_fd=directory.fd)
        except OSError as error:
            return self._not_opened(directory, name, path, choice, error)
        try:
            return self._read(fd, _spellings(directory, name, path), choice, is_public=directory.is_public)
        except OSError as error:
            return _failure(error)
        finally:
            os.close(fd)

    def _not_opened(
        self, directory: Directory, name: str, path: str, choice: Choice, error: OSError
    ) -> Found:
        try:
            status = os.stat(name, dir_fd=directory.fd, follow_symlinks=False)
        except OSError as worse:
            return _failure(worse)
        if stat.S_ISLNK(status.st_mode):
            return self._look_at_link(directory, name, path, status, choice)
        if not stat.S_ISREG(status.st_mode):
            return Gone()
        return Unreadable(error.strerror or str(error), status)

    def _read(self, fd: int, paths: tuple[str, ...], choice: Choice, *, is_public: bool) -> Found:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            return Gone()
        for _ in range(_ATTEMPTS):
            sha256, data = _digest(fd, before.st_size)
            extended = read_extended(fd)
            after = os.fstat(fd)
            if (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns):
                break
            before = after
        else:
            return Busy()
        packed = pack_stat(before)
        text = b""
        if data is not None:
            text = text_of(data, paths, choice, self._redactor, mode=before.st_mode, is_public=is_public)
        return Seen(packed, Content(sha256, text, extended), before, self._is_racy(before))

    def _is_racy(self, status: os.stat_result) -> bool:
        return status.st_ctime_ns > self._wall_nanoseconds() - RACY_NANOSECONDS

    def _look_at_link(
        self, directory: Directory, name: str, path: str, status: os.stat_result, choice: Choice
    ) -> Found:
        try:
            link = os.readlink(name, dir_fd=directory.fd)
        except OSError as error:
            return _failure(error)
        is_racy = self._is_racy(status)
        place = directory.real
        try:
            real, reach = follow(f"{place}/{name}", self._check)
        except OSError as error:
            return Unreadable(error.strerror or str(error), status)
        content = Content(hashlib.sha256(os.fsencode(link)).digest(), link=link)
        own = Seen(pack_stat(status), content, status, is_racy, reach)
        if not real or self._is_watched_itself(real, directory.path, place):
            return own
        target = self._look_behind(real, (real, *_spellings(directory, name, path)), choice)
        if not isinstance(target, Seen):
            return own
        behind = target.content
        content = Content(behind.sha256, behind.text, behind.extended, link=link, target=target.stat)
        return Seen(own.stat, content, target.status, is_racy or target.is_racy, reach)

    def _is_watched_itself(self, real: str, spelled: str, place: str) -> bool:
        """Return whether the target is a file that the configuration means by its own path."""
        if self._selection.means(real):
            return True
        return (
            place != spelled
            and real.startswith(place + "/")
            and self._selection.means(spelled + real[len(place) :])
        )

    def _look_behind(self, real: str, paths: tuple[str, ...], choice: Choice) -> Found:
        try:
            with opened(real.rpartition("/")[0]) as directory:
                fd = os.open(real.rpartition("/")[2], _READ, dir_fd=directory.fd)
                try:
                    if os.fstat(fd).st_size > MAX_FOLLOWED_BYTES:
                        return Gone()
                    # Nobody is shown through a link what not everybody may read, whatever is configured.
                    is_public = directory.is_public and is_public_file(real)
                    return self._read(fd, paths, _as_auto(choice), is_public=is_public)
                finally:
                    os.close(fd)
        except OSError as error:
            return _failure(error)


def _spellings(directory: Directory, name: str, path: str) -> tuple[str, ...]:
    return (path,) if directory.real == directory.path else (path, f"{directory.real}/{name}")


def _as_auto(choice: Choice) -> Choice:
    return replace(choice, diff="auto" if choice.diff == "always" else choice.diff, is_literal=False)


def _failure(error: OSError) -> Found:
    if error.errno in _GONE:
        return Gone()
    return Unreadable(error.strerror or str(error))


def _digest(fd: int, size: int) -> tuple[bytes, bytes | None]:
    """Return the SHA-256 of the file, and its content when it is small."""
    if size > MAX_READ_BYTES:
        return b"", None
    data = os.pread(fd, min(size + 1, _BLOCK), 0)
    if len(data) < _BLOCK:
        return hashlib.sha256(data).digest(), data
    digest = hashlib.sha256(data)
    offset = len(data)
    while data and offset <= MAX_READ_BYTES:
        data = os.pread(fd, _BLOCK, offset)
        digest.update(data)
        offset += len(data)
    return digest.digest(), None


def read_extended(fd: int) -> dict[str, bytes]:
    """Return a digest of each extended attribute: ACLs, capabilities, labels and the user's own."""
    try:
        names = os.listxattr(fd)
    except OSError:
        return {}  # the file system has none
    found: dict[str, bytes] = {}
    for name in names:
        with suppress(OSError):
            found[name] = hashlib.blake2b(os.getxattr(fd, name), digest_size=8).digest()
    return found
