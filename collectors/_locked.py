"""Who has locked a file, as package managers lock their databases. Asks the kernel, and locks nothing."""

import fcntl
import os
import struct
from pathlib import Path

_FLOCK = "hhqqi4x"
"""A `struct flock`: type, whence, start, length, pid."""
_ASK = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""A link leads nowhere, and a pipe holds up nobody."""


def holder_of(path: Path) -> int | None:
    """Return the pid of the process that holds a record lock on a file, 0 where that lives out of sight.

    None where nobody holds one, or where that cannot be asked: of what is not there, and of a link.
    """
    try:
        descriptor = os.open(path, _ASK)
    except OSError:
        return None
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else max(0, pid)
