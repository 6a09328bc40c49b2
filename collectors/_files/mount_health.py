"""What can be looked at now: nothing on a file system that is not mounted, or that does not answer.

A look never has an automount mount anything: what waits for somebody to use it is left to whoever does.

A dead server blocks whoever asks it for anything, so remote file systems are asked in a thread of their own
first. What is out of reach is left as it is remembered: it is neither read nor taken for gone. The thread
goes on asking, and says so when an answer comes in time.
"""

import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from collectors._files.fingerprint import escape, unescape
from collectors._files.job import Job
from collectors._files.links import follow
from collectors._files.mounts import Mounts, read_mounts
from collectors._regular import start_thread

NOT_MOUNTED = "the file system that was mounted here is not"
WOULD_MOUNT = "it would be mounted by looking at it"
NO_ANSWER = "the file system that is mounted here does not answer"

MOUNT = "=mount"
"""Begins the key by which a mount point is remembered."""

_FRESH_SECONDS = 1.0
"""An answer counts for this long."""


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


@dataclass(slots=True)
class _Question:
    """What a mount point was asked last."""

    at: float
    """When it was answered; until then, when it was asked."""
    answered: threading.Event = field(default_factory=threading.Event)
    is_given_up: bool = False
    """Nobody waits for the answer any more."""


class MountHealth:
    """What is mounted, and which of it answers; `ask` blocks for as long as a file system does.

    `on_return` is called, from another thread, when one answers that was given up; not after `close`.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        ask: Callable[[str], object],
        patience_seconds: float,
        on_return: Callable[[], object],
    ) -> None:
        self._monotonic = monotonic
        self._ask = ask
        self._patience_seconds = patience_seconds
        self._on_return = on_return
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._has_returned = False
        self._questions: dict[str, _Question] = {}
        self.mounts = Mounts()

    def refresh(self, job: Job) -> bool:
        """Read what is mounted; return whether that matters to what is watched."""
        table = read_mounts(job.host.mountinfo)
        remembered = {unescape(key[len(MOUNT) :]): value.decode() for key, value in job.memory.items(MOUNT)}
        points = {escape(mount.point) for mount in table}
        missing = frozenset(path for path, point in remembered.items() if point not in points)
        before, self.mounts = self.mounts, Mounts(table, missing)
        named, roots = job.selection.named, job.selection.roots
        return before.missing != missing or before.about(named, roots) != self.mounts.about(named, roots)

    def lost_at(self, path: str) -> Lost | None:
        """Return why what is mounted at `path` itself cannot be looked at."""
        if self.mounts.would_mount(path):
            return Lost(path, WOULD_MOUNT)
        if path in self.mounts.missing:
            return Lost(path, NOT_MOUNTED)
        if path in self.mounts.remote and not self._answers(path):
            return Lost(path, NO_ANSWER)
        return None

    def lost_above(self, path: str) -> Lost | None:
        """Return the mount point that `path` lies on, also by a link, and that cannot be looked at."""
        above = path
        while above and self.mounts.missing:
            if above in self.mounts.missing:
                return Lost(above, NOT_MOUNTED)
            above = above.rpartition("/")[0]
        if self.mounts.remote or self.mounts.has_automounts:
            try:
                follow(path, self.check)
            except OutOfReach as error:
                return error.lost
        return None

    def check(self, path: str) -> None:
        """Raise `OutOfReach` when what is mounted at `path` itself cannot be looked at."""
        if lost := self.lost_at(path):
            raise OutOfReach(lost)

    def take_return(self) -> bool:
        """Return whether a file system that was given up has answered since this was asked last."""
        with self._lock:
            has_returned, self._has_returned = self._has_returned, False
        return has_returned

    def close(self) -> None:
        """Call `on_return` no more."""
        with self._lock:
            self._closed.set()

    def _answers(self, point: str) -> bool:
        question = self._questions.get(point)
        if question is None or (question.answered.is_set() and self._is_old(question)):
            question = _Question(self._monotonic())
            asking = threading.Thread(target=self._put, args=(point, question), name="files-ask", daemon=True)
            start_thread(asking.start)
            self._questions[point] = question
            question.is_given_up = not question.answered.wait(self._patience_seconds)
        return question.answered.is_set()

    def _is_old(self, question: _Question) -> bool:
        return self._monotonic() - question.at >= _FRESH_SECONDS

    def _put(self, point: str, question: _Question) -> None:
        """Ask until the answer comes in time: what answers slowly would hold up every other file at each look."""
        while not self._is_in_time(point):
            self._closed.wait(self._patience_seconds)
        question.at = self._monotonic()
        question.answered.set()
        with self._lock:
            if question.is_given_up and not self._closed.is_set():
                self._has_returned = True
                self._on_return()

    def _is_in_time(self, point: str) -> bool:
        began = self._monotonic()
        with suppress(OSError):  # an error is an answer
            self._ask(point)
        return self._closed.is_set() or self._monotonic() - began <= self._patience_seconds
