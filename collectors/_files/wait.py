"""Waiting in one place for hints, mounts and the stop: nothing wakes a run when nothing happens."""

import os
import select
from typing import BinaryIO

from collectors._files.job import Job
from collectors._regular import pass_on_lack


class Wake:
    """A call to look around, from any thread."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __call__(self) -> None:
        """Wake whoever waits, or is about to."""
        os.eventfd_write(self._fd, 1)

    def fileno(self) -> int:
        """Return a descriptor that polls readable while somebody has called."""
        return self._fd

    def take(self) -> None:
        """Take the calls so far for heard."""
        os.eventfd_read(self._fd)

    def close(self) -> None:
        """Let go of the descriptor; nobody calls any more."""
        os.close(self._fd)


class Wait:
    """What one run waits for."""

    def __init__(self, job: Job, wake: Wake) -> None:
        self._wake = wake
        self._poll = select.poll()
        self._poll.register(job.runtime.stop.fileno(), select.POLLIN)
        self._poll.register(wake.fileno(), select.POLLIN)
        self._mounts: BinaryIO | None = None
        try:
            self._mounts = job.host.mountinfo.open("rb")
            self._poll.register(self._mounts.fileno(), select.POLLPRI)
        except OSError as error:
            pass_on_lack(error)

    def wait(self, seconds: float) -> bool:
        """Wait for anything, for so long at most; return whether something was mounted or unmounted."""
        woken = [fd for fd, _ in self._poll.poll(int(max(0.0, seconds) * 1000) + 1)]
        if self._wake.fileno() in woken:
            self._wake.take()
        return self._mounts is not None and self._mounts.fileno() in woken

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._mounts is not None:
            self._mounts.close()
