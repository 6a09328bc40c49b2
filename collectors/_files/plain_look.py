"""The first look at many files of one directory: those that are plain, some at a time; every other one by itself, elsewhere.

Plain is a regular file with one name and no extended attributes, not large, not the agent's own, that is not
written meanwhile. Each promise of `reader` holds: a file is a mere place first, it is known for what it is, and
only then the very same file is opened to be read. What is asked once for some of them is whether one is the
agent's own: after all of them have been looked at, never before. Then each step is taken for some of them before the next:
what a step needs is at hand for all but the first.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec

from collectors._files.fingerprint import (
    RACY_NANOSECONDS,
    Content,
    encode,
    encode_plain,
    mark_of,
    pack_stats,
)
from collectors._files.job import Job
from collectors._files.mount_thread import beat
from collectors._files.open_places import OpenPlaces
from collectors._files.opening import Directory
from collectors._files.selection import Choice
from collectors._files.texts import NOT_TOLD, Readers, Text, Texts, may_never_be_told, may_tell, spellings
from collectors._sha256 import fast_sha256, is_fast_at_hand, sha256_of

AT_ONCE = 32
"""So many files are places at the same time, each of them a descriptor."""
_MANY = 16
"""So many pay for the fast way of a hash."""
_MAX_BYTES = 256 * 1024
"""A larger file is read in parts, and is looked at by itself."""
_TOGETHER_BYTES = 128 * 1024
"""So much of what is in files is held at the same time, but for a larger one."""


class Plain(msgspec.Struct, frozen=True):
    """Plain files that were read, each list in the same order."""

    names: list[str] = []
    stats: list[bytes] = []
    """Packed."""
    ctimes_ns: list[int] = []
    values: list[bytes] = []
    """What is to be remembered of each."""
    texts: list[bytes] = []
    """The text to keep beside each, empty for none."""

    def add(self, others: "Plain") -> None:
        """Add others to these."""
        self.names.extend(others.names)
        self.stats.extend(others.stats)
        self.ctimes_ns.extend(others.ctimes_ns)
        self.values.extend(others.values)
        self.texts.extend(others.texts)


class _Place(msgspec.Struct, frozen=True, gc=False):
    """A file that may be plain, open as a place."""

    name: str
    place: int
    status: os.stat_result


class PlainLook:
    """Looks at plain files for the first time."""

    def __init__(self, job: Job, texts: Texts) -> None:
        self._texts = texts
        self._is_own = job.runtime.is_own
        self._now_nanoseconds = job.now_nanoseconds

    def look(self, directory: Directory, names: Sequence[str], choice: Choice) -> Plain:
        """Return those of at most `AT_ONCE` files of an open directory that are plain, as they were read."""
        racy_from = self._now_nanoseconds() - RACY_NANOSECONDS
        found = Plain()
        # Whatever is raised is met again, and judged, when each is looked at by itself.
        with suppress(Exception), OpenPlaces(directory.fd) as places:
            opened = _opened(places, names)
            if not self._is_own(*[file.status for file in opened]):
                reading = _Reading(self._texts, directory, names, choice, racy_from)
                for some in _by_size(opened):
                    found.add(reading.read(places, some))
        return found


def _opened(places: OpenPlaces, names: Sequence[str]) -> list[_Place]:
    """Open what lies at each name as a mere place; return those that may be plain."""
    files = []
    for name in names:
        beat()
        try:
            place, status = places.add(name)
        except Exception:  # noqa: BLE001, S112 - met again, and judged, when it is looked at by itself
            continue
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size <= _MAX_BYTES:
            files.append(_Place(name, place, status))
    return files


def _contents_of(places: OpenPlaces, files: Sequence[_Place]) -> tuple[list[_Place], list[bytes]]:
    """Return those of some files that are plain, and what is in each."""
    plain, contents = [], []
    for file in files:
        beat()
        try:
            data = places.content_of(file.place, file.status)
        except Exception:  # noqa: BLE001, S112 - met again, and judged, when it is looked at by itself
            continue
        if data is not None:
            plain.append(file)
            contents.append(data)
    return plain, contents


def _by_size(files: Sequence[_Place]) -> Iterator[list[_Place]]:
    """Yield as many files together as have few bytes, in their order."""
    some: list[_Place] = []
    size_bytes = 0
    for file in files:
        size_bytes += file.status.st_size
        if some and size_bytes > _TOGETHER_BYTES:
            yield some
            some, size_bytes = [], file.status.st_size
        some.append(file)
    if some:
        yield some


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
        has_many = len(names) >= _MANY
        self._sha256 = fast_sha256() if has_many or is_fast_at_hand() else sha256_of

    def read(self, places: OpenPlaces, files: Sequence[_Place]) -> Plain:
        """Return those of some files that are plain, each as it was at one moment."""
        plain, contents = _contents_of(places, files)
        hashes = [*map(self._sha256, contents)]
        texts = self._texts_of(plain, contents)
        stats = pack_stats([file.status for file in plain])
        ctimes_ns = [file.status.st_ctime_ns for file in plain]
        return Plain(
            [file.name for file in plain],
            stats,
            ctimes_ns,
            [*map(self._value, stats, ctimes_ns, hashes, texts)],
            [text for text, _ in texts],
        )

    def _texts_of(self, files: Sequence[_Place], contents: Sequence[bytes]) -> list[Text]:
        """Return the text to keep of each file, none for those whose text is not told."""
        if not self._is_told:
            return [NOT_TOLD] * len(files)
        may_tell_it = self._may_tell if self._has_sign else _may_everybody_read
        told = [data for file, data in zip(files, contents, strict=True) if may_tell_it(file)]
        made = self._texts.of_all(told, self._choice)
        if len(told) == len(files):
            return made
        left = iter(made)
        return [next(left) if may_tell_it(file) else NOT_TOLD for file in files]

    def _value(self, packed: bytes, ctime_ns: int, sha256: bytes, text: Text) -> bytes:
        data, left_out = text
        mark = mark_of(data)
        is_racy = ctime_ns > self._racy_from
        if is_racy or left_out:
            content = Content(sha256, mark, left_out=left_out)
            return encode(packed, content, look_again=is_racy, has_mark=True)
        return encode_plain(packed, sha256, mark)

    def _may_tell(self, file: _Place) -> bool:
        directory = self._directory
        paths = spellings(directory, file.name, f"{directory.path}/{file.name}")
        return may_tell(paths, self._choice, Readers.of(file.status, directory))


def _may_everybody_read(file: _Place) -> bool:
    return bool(file.status.st_mode & stat.S_IROTH)
