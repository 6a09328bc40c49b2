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

from collectors._files.fingerprint import RACY_NANOSECONDS, Content, encode, mark_of, pack_stat
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
    """A plain file that was read."""

    name: str
    stat: bytes
    """Packed."""
    ctime_ns: int
    value: bytes
    """What is to be remembered of it."""
    text: bytes
    """The text to keep beside it, empty for none."""


class _Place(msgspec.Struct, frozen=True):
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

    def look(self, directory: Directory, names: Sequence[str], choice: Choice) -> list[Plain | str]:
        """Return each of at most `AT_ONCE` files of an open directory as it was read, or its name where it is not plain."""
        racy_from = self._now_nanoseconds() - RACY_NANOSECONDS
        found: dict[str, Plain] = {}
        # Whatever is raised is met again, and judged, when each is looked at by itself.
        with suppress(Exception), OpenPlaces(directory.fd) as places:
            opened = [file for name in names if (file := _opened(places, name)) is not None]
            if not self._is_own(*[file.status for file in opened]):
                reading = _Reading(self._texts, directory, names, choice, racy_from)
                for some in _by_size(opened):
                    found |= reading.read(places, some)
        return [found.get(name, name) for name in names]


def _opened(places: OpenPlaces, name: str) -> _Place | None:
    """Open what lies at a name as a mere place; return it if it may be plain."""
    beat()
    try:
        place, status = places.add(name)
    except Exception:  # noqa: BLE001 - met again, and judged, when it is looked at by itself
        return None
    is_plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size <= _MAX_BYTES
    return _Place(name, place, status) if is_plain else None


def _content_of(places: OpenPlaces, file: _Place) -> bytes | None:
    beat()
    try:
        return places.content_of(file.place, file.status)
    except Exception:  # noqa: BLE001 - met again, and judged, when it is looked at by itself
        return None


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

    def read(self, places: OpenPlaces, files: Sequence[_Place]) -> dict[str, Plain]:
        """Return those of some files that are plain, each as it was at one moment."""
        found = [(file, _content_of(places, file)) for file in files]
        read = [(file, data) for file, data in found if data is not None]
        contents = [data for _, data in read]
        hashes = [*map(self._sha256, contents)]
        plain = [file for file, _ in read]
        texts = self._texts_of(plain, contents)
        return {
            file.name: self._plain(file, sha256, text)
            for file, sha256, text in zip(plain, hashes, texts, strict=True)
        }

    def _texts_of(self, files: Sequence[_Place], contents: Sequence[bytes]) -> list[Text]:
        """Return the text to keep of each file, none for those whose text is not told."""
        texts = [NOT_TOLD] * len(files)
        if self._is_told:
            told = [index for index, file in enumerate(files) if self._may_tell(file)]
            made = self._texts.of_all([contents[index] for index in told], self._choice)
            for index, text in zip(told, made, strict=True):
                texts[index] = text
        return texts

    def _plain(self, file: _Place, sha256: bytes, text: Text) -> Plain:
        data, left_out = text
        packed, ctime_ns = pack_stat(file.status), file.status.st_ctime_ns
        content = Content(sha256, mark_of(data), left_out=left_out)
        value = encode(packed, content, look_again=ctime_ns > self._racy_from, has_mark=True)
        return Plain(file.name, packed, ctime_ns, value, data)

    def _may_tell(self, file: _Place) -> bool:
        if not self._has_sign:
            return bool(file.status.st_mode & stat.S_IROTH)
        directory = self._directory
        paths = spellings(directory, file.name, f"{directory.path}/{file.name}")
        return may_tell(paths, self._choice, Readers.of(file.status, directory))
