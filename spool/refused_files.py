"""Incoming files that cannot be taken in: kept aside for a person to look at, within bounds.

Anybody in the group may leave anything, trees of directories too. The newest are kept, at most so many and
so much; the rest is removed, without following a link and without recursion, however deep a tree is.
"""

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

DIRECTORY = "incoming-refused"
_MAX_ENTRIES = 100
_MAX_FILES_COUNTED = 1000
_MAX_LEVELS_COUNTED = 8
_TOO_LARGE = 1 << 62
_PREFIX = ".removing-"

log = logging.getLogger(__name__)


def set_aside(path: Path, reason: str, keep_bytes: int) -> None:
    """Move a file or directory into the directory for what was refused, and say so.

    What cannot be moved (a directory that is another user's) stays where it is.
    """
    refused = path.parent.with_name(DIRECTORY)
    try:
        refused.mkdir(mode=0o700, exist_ok=True)
        target = refused / path.name
        if os.path.lexists(target):
            _remove(target, refused)
        path.rename(target)
    except OSError as error:
        with suppress(OSError):
            path.rmdir()  # one that is empty can go
            return
        log.warning("incoming: %r cannot be taken in (%s), nor set aside: %s", path.name, reason, error)
        return
    log.warning("incoming: %r was set aside in %s: %s", path.name, refused, reason)
    bound(refused, keep_bytes)


def count(directory: Path) -> int:
    """Return how many are kept aside in a spool's directory."""
    with suppress(OSError):
        return sum(not entry.name.startswith(_PREFIX) for entry in os.scandir(directory / DIRECTORY))
    return 0


def bound(refused: Path, keep_bytes: int) -> None:
    """Remove the oldest of what was refused until the rest fits."""
    with suppress(OSError):
        # By the time of the move: a file's own times are whatever its owner says.
        kept = sorted(refused.iterdir(), key=lambda path: path.lstat().st_ctime_ns, reverse=True)
        left = keep_bytes
        for index, path in enumerate(kept):
            size = _size_of(path)
            if index < _MAX_ENTRIES and size <= left and not path.name.startswith(_PREFIX):
                left -= size
            else:
                log.warning("incoming: %r is removed from %s: it is full", path.name, refused)
                with suppress(OSError):
                    _remove(path, refused)


def _size_of(path: Path) -> int:
    """Return what a file or a tree takes; one that is too deep or has too many entries is larger than any bound."""
    total = count = 0
    waiting = [(path, 0)]
    try:
        while waiting and count <= _MAX_FILES_COUNTED:
            place, level = waiting.pop()
            status = place.lstat()
            total += max(status.st_size, status.st_blocks * 512)
            count += 1
            if stat.S_ISDIR(status.st_mode):
                if level == _MAX_LEVELS_COUNTED:
                    return _TOO_LARGE
                waiting += [(inner, level + 1) for inner in place.iterdir()]
    except OSError:
        return _TOO_LARGE
    return _TOO_LARGE if waiting else total


def _remove(path: Path, refused: Path) -> None:
    """Remove a file or a tree; a directory inside is first moved up, so that no path grows long."""
    waiting = [path]
    while waiting:
        place = waiting.pop()
        if not stat.S_ISDIR(place.lstat().st_mode):
            place.unlink()
            continue
        inside = list(place.iterdir())
        if not inside:
            place.rmdir()
            continue
        waiting.append(place)
        for entry in inside:
            moved = refused / f"{_PREFIX}{os.urandom(8).hex()}"
            entry.rename(moved)
            waiting.append(moved)
