"""The first look at many files of one directory: those that are plain, some at a time; every other one by itself, elsewhere.

Plain is a regular file with one name and no extended attributes, not large, not the agent's own, that is not
written meanwhile. Each promise of `reader` holds: a file is a mere place first, it is known for what it is, and
only then the very same file is opened to be read. What is asked once for some of them is whether one is the
agent's own: after all of them have been looked at, never before.
"""

import os
import stat
from collections.abc import Sequence

import msgspec

from collectors._files.fingerprint import RACY_NANOSECONDS, Content, encode, mark_of, pack_stat
from collectors._files.job import Job
from collectors._files.mount_thread import beat
from collectors._files.opening import Directory
from collectors._files.reading import read_extended
from collectors._files.selection import Choice
from collectors._files.texts import Readers, Texts, may_never_be_told, may_tell, spellings
from collectors._regular import PLACE_ITSELF, READ
from collectors._sha256 import fast_sha256, sha256_of

AT_ONCE = 16
"""So many files are places at the same time, each of them a descriptor."""
_MAX_BYTES = 256 * 1024
"""A larger file is read in parts, and is looked at by itself."""

_NO_PLACE = -1


class Plain(msgspec.Struct, frozen=True):
    """A plain file that was read."""

    name: str
    stat: bytes
    """Packed."""
    ctime_ns: int
    value: bytes
    """What is to be remembered of it."""
    text: bytes
    """The text to keep beside it, empty for none."""


class PlainLook:
    """Looks at plain files for the first time."""

    def __init__(self, job: Job, texts: Texts) -> None:
        self._texts = texts
        self._is_own = job.runtime.is_own
        self._now_nanoseconds = job.now_nanoseconds

    def look(self, directory: Directory, names: Sequence[str], choice: Choice) -> list[Plain | str]:
        """Return each of at most `AT_ONCE` files of an open directory as it was read, or its name where it is not plain."""
        places: list[int] = []
        racy_from = self._now_nanoseconds() - RACY_NANOSECONDS
        try:
            statuses = [_opened(directory.fd, name, places) for name in names]
            if self._is_own(*[status for status in statuses if status is not None]):
                return [*names]
            read = _Reading(self._texts, directory, names, choice, racy_from).read
            return [
                name if status is None else read(name, place, status) or name
                for name, place, status in zip(names, places, statuses, strict=True)
            ]
        finally:
            for place in places:
                if place != _NO_PLACE:
                    os.close(place)


def _opened(directory: int, name: str, places: list[int]) -> os.stat_result | None:
    """Open what lies at a name as a mere place, which `places` has from then on; return its status if it may be plain."""
    beat()
    places.append(_NO_PLACE)
    try:
        places[-1] = os.open(name, PLACE_ITSELF, dir_fd=directory)
        status = os.fstat(places[-1])
    except Exception:  # noqa: BLE001 - met again, and judged, when it is looked at by itself
        return None
    is_plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size <= _MAX_BYTES
    return status if is_plain else None


class _Reading:
    """Reads the files of one directory."""

    __slots__ = ("_choice", "_directory", "_has_sign", "_is_told", "_racy_from", "_sha256", "_texts")

    def __init__(
        self, texts: Texts, directory: Directory, names: Sequence[str], choice: Choice, racy_from: int
    ) -> None:
        self._texts = texts
        self._directory = directory
        self._choice = choice
        self._racy_from = racy_from
        self._is_told = may_tell((), choice, Readers(everybody=True, is_public=directory.is_public))
        """Whether the text of a file may be told that everybody may read."""
        self._has_sign = self._is_told and may_never_be_told(
            "\n".join((directory.path, directory.real, *names))
        )
        """Whether one of the files may be of those that are never told."""
        has_many = len(names) == AT_ONCE  # for which the fast way of a hash pays
        self._sha256 = fast_sha256() if has_many else sha256_of

    def read(self, name: str, place: int, before: os.stat_result) -> Plain | None:
        """Return a file, open as a place, as it was at one moment; None where it has to be looked at by itself."""
        beat()
        try:
            data = _data_of(place, before)
            if data is None:
                return None
            sha256 = self._sha256(data)
            text, left_out = b"", ""
            if self._is_told and self._may_tell(name, before):
                text, left_out = self._texts.of_data(data, self._choice)
            content = Content(sha256, mark_of(text), left_out=left_out)
            packed, ctime = pack_stat(before), before.st_ctime_ns
            value = encode(packed, content, look_again=ctime > self._racy_from, has_mark=True)
        except Exception:  # noqa: BLE001 - met again, and judged, when it is looked at by itself
            return None
        return Plain(name, packed, ctime, value, text)

    def _may_tell(self, name: str, status: os.stat_result) -> bool:
        if not self._has_sign:
            return bool(status.st_mode & stat.S_IROTH)
        directory = self._directory
        paths = spellings(directory, name, f"{directory.path}/{name}")
        return may_tell(paths, self._choice, Readers.of(status, directory))


def _data_of(place: int, before: os.stat_result) -> bytes | None:
    """Return what is in a file that is open as a place; None where it is not plain after all, or changed meanwhile."""
    fd = os.open(f"/proc/self/fd/{place}", READ)
    try:
        size = before.st_size
        data = os.pread(fd, size + 1, 0)
        if len(data) != size or read_extended(fd):
            return None
        after = os.fstat(fd)
    finally:
        os.close(fd)
    is_same = after.st_ctime_ns == before.st_ctime_ns and after.st_mtime_ns == before.st_mtime_ns
    return data if is_same else None
