"""Whether a path of the configuration can be what it is to be: a directory of its own, a socket, one file."""

import stat
from pathlib import Path

_LONGEST_SOCKET_BYTES = 107
"""What fits into the address of a Unix socket, in Linux."""


def check_place(path: Path, place: str, *, is_on_host: bool) -> None:
    """Raise `ValueError`, which quotes no value, where `path` cannot be a `place` (`directory`, `socket`, or anything).

    What lies there is looked at only where this is the host that is meant.
    """
    if {"*", "?"} & set(str(path)):
        raise ValueError("names one place: `*` and `?` stand for nothing in it")
    mode = _mode(path) if is_on_host else None
    if place == "directory":
        if path == path.parent:
            raise ValueError("is the whole file system: name a directory of its own")
        if mode is not None and not stat.S_ISDIR(mode):
            raise ValueError("must be a directory, and a file is there")
    if place == "socket":
        if len(str(path).encode("utf-8", "surrogateescape")) > _LONGEST_SOCKET_BYTES:
            raise ValueError(f"is too long for a socket: {_LONGEST_SOCKET_BYTES} bytes at most")
        if mode is not None and not stat.S_ISSOCK(mode):
            raise ValueError("must be a socket, or nothing yet, and something else is there")


def _mode(path: Path) -> int | None:
    """Return what is there; None where nothing is, or nothing may be seen."""
    try:
        return path.stat().st_mode
    except OSError:
        return None
