"""What cannot be looked at, and why: it is left as it is remembered, neither read nor taken for gone."""

import errno
from typing import NamedTuple

NOT_MOUNTED = "the file system that was mounted here is not"
WOULD_MOUNT = "it would be mounted by looking at it"
NO_ANSWER = "the file system that is mounted here does not answer"


class Lost(NamedTuple):
    """A mount point that cannot be looked at, and why."""

    point: str
    reason: str

    @property
    def is_trouble(self) -> bool:
        """Return whether somebody has to know: an automount that nobody uses is as it should be."""
        return self.reason != WOULD_MOUNT


class OutOfReach(OSError):  # noqa: N818 - a state of the host
    """Something lies on a mount point that cannot be looked at."""

    def __init__(self, lost: Lost) -> None:
        super().__init__(errno.EHOSTDOWN, lost.reason)
        self.lost = lost
