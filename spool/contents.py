"""What lies in a spool's directory: its own files, and what others left there; found whatever they left.

A group may put anything into `incoming/`, and some of it is kept in `incoming-refused`: trees of any depth,
files without number. So nothing here recurses, follows a link, opens a file, or looks at more of it than a bound.
"""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from spool import refused_files

INCOMING = "incoming"
_MOST_OF_OTHERS = 10_000
_LEVELS_OF_OTHERS = 8
"""Each level makes the paths below it longer, and looking at them slower."""
_BLOCK_BYTES = 512


def own(directory: Path) -> Iterator[Path]:
    """Yield everything below `directory` but what others left."""
    others = {directory / INCOMING, directory / refused_files.DIRECTORY}
    waiting = deque([directory])
    while waiting:
        for path, is_directory in _entries(waiting.popleft()):
            yield path
            if is_directory and path not in others:
                waiting.append(path)


def left_by_others(directory: Path) -> Iterator[Path]:
    """Yield what others left, what lies nearest first: at most ten thousand files and directories of it, no deeper than eight."""
    return islice(_below(directory / INCOMING, directory / refused_files.DIRECTORY), _MOST_OF_OTHERS)


def left_bytes(directory: Path) -> int:
    """Return what the files that others left take on the disk, which for a sparse one is less than its size."""
    total = 0
    for path in left_by_others(directory):
        with suppress(OSError):
            total += path.lstat().st_blocks * _BLOCK_BYTES
    return total


def _below(*places: Path) -> Iterator[Path]:
    waiting = deque((place, 0) for place in places)
    while waiting:
        place, level = waiting.popleft()
        for path, is_directory in _entries(place):
            yield path
            if is_directory and level < _LEVELS_OF_OTHERS:
                waiting.append((path, level + 1))


def _entries(place: Path) -> Iterator[tuple[Path, bool]]:
    """Yield what is in a directory, and whether it is one itself; nothing where it cannot be read."""
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            yield place / entry.name, entry.is_dir(follow_symlinks=False)
