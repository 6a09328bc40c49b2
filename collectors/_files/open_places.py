"""Files of one directory as mere places that are open at the same time: each known for what it is, and only then read.

What is opened to be read is the very same file, by its place: whatever lies at its name by then is not touched.
"""

import os
from functools import cache
from typing import Self

from collectors._files.reading import read_extended
from collectors._regular import PLACE_ITSELF, READ

_OWN_DESCRIPTORS = "/proc/self/fd"
_LISTED = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


@cache
def _own_descriptors() -> int:
    """Return the directory that holds this process's own descriptors, by which they are opened again; it stays open.

    Nobody closes it while another thread, of a file system that hangs, has yet to open a place by it.
    """
    return os.open(_OWN_DESCRIPTORS, _LISTED)


class OpenPlaces:
    """Places in an open directory, for a `with`, which closes them."""

    __slots__ = ("_descriptors", "_directory", "_own")

    def __init__(self, directory: int) -> None:
        self._directory = directory
        self._own = _own_descriptors()
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close all of them: by one call where no other descriptor lies between, as is usual."""
        descriptors = self._descriptors
        if not descriptors:
            return
        first, after = descriptors[0], descriptors[0] + len(descriptors)
        if descriptors == [*range(first, after)]:
            os.closerange(first, after)
            return
        for descriptor in descriptors:
            os.close(descriptor)

    def add(self, name: str) -> tuple[int, os.stat_result]:
        """Open what lies at a name as a place; return the place with its status."""
        place = os.open(name, PLACE_ITSELF, dir_fd=self._directory)
        self._descriptors.append(place)
        return place, os.fstat(place)

    def content_of(self, place: int, before: os.stat_result) -> bytes | None:
        """Return what is in a file, whose status at its place is known; None where it has extended attributes, or was changed meanwhile."""
        fd = os.open(str(place), READ, dir_fd=self._own)
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
