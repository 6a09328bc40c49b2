"""One writer at a time: `spool.lock`, held with flock for the life of the spool.

The kernel lets go of it when the process ends, however it ends. The file names its holder for people;
it is never removed, and what it says is never believed without the lock.
"""

import fcntl
import os
from pathlib import Path

from spool.errors import SpoolLocked

NAME = "spool.lock"
_PLACE = 5  # of /proc/locks: major:minor:inode of the file; the device is not always the one that stat tells


class Lock:
    """The right to write one spool directory."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, directory: Path) -> "Lock":
        """Take it or raise `SpoolLocked`; raises OSError when the directory cannot be written."""
        path = directory / NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = holder_of(directory)
            os.close(descriptor)
            raise SpoolLocked(str(directory), holder) from None
        _name_holder(descriptor)
        return cls(descriptor)

    def release(self) -> None:
        """Let another process write."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_held(directory: Path, locks: Path = Path("/proc/locks")) -> bool | None:
    """Return whether a process writes this spool; None when that cannot be told.

    It asks the kernel and takes no lock, not even for a moment: a daemon that starts just then would give up.
    """
    try:
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
        found = (directory / NAME).stat()
    except FileNotFoundError:
        return False if locks.exists() else None
    except OSError:
        return None
    held = [fields for fields in map(str.split, lines) if len(fields) > _PLACE and fields[1] == "FLOCK"]
    return any(fields[_PLACE].endswith(f":{found.st_ino}") for fields in held)


def holder_of(directory: Path) -> int:
    """Return the process id that the lock file names, or 0."""
    try:
        return int((directory / NAME).read_text(encoding="ascii").strip() or 0)
    except (OSError, ValueError):
        return 0


def _name_holder(descriptor: int) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    except OSError:
        pass  # a full disk: the lock holds all the same
