"""What can be looked at now, and where: nothing on a file system that is not mounted, or that does not answer.

A look never has an automount mount anything: what waits for somebody to use it is left to whoever does.

What lies on a remote file system is asked for in the thread of that file system. What is out of reach is left as it is
remembered. The thread goes on asking, and says so when an answer comes in time.
"""

import threading
from collections.abc import Callable

from collectors._files.fingerprint import escape, unescape
from collectors._files.job import Job
from collectors._files.links import follow
from collectors._files.mount_thread import HERE, MountThread, Place
from collectors._files.mounts import Mounts, read_mounts
from collectors._files.out_of_reach import NO_ANSWER, NOT_MOUNTED, WOULD_MOUNT, Lost, OutOfReach

MOUNT = "=mount"
"""Begins the key by which a mount point is remembered."""

_FRESH_SECONDS = 1.0
"""An answer counts for this long."""


class _Entered(Exception):  # noqa: N818 - where a path leads
    """A path leads onto a remote file system."""

    def __init__(self, point: str) -> None:
        super().__init__(point)
        self.point = point


class MountHealth:
    """What is mounted, and which of it answers.

    `on_return` is called, from another thread, when one answers that was given up; not after `close`. `meanwhile`
    is called now and then by whoever waits for an answer, and must not raise.
    """

    def __init__(
        self, job: Job, on_return: Callable[[], object], meanwhile: Callable[[], object] = lambda: None
    ) -> None:
        self._job = job
        self._on_return = on_return
        self._meanwhile = meanwhile
        self._lock = threading.Lock()
        self._is_closed = self._has_returned = False
        self._threads: dict[tuple[str, int], MountThread] = {}
        self.mounts = Mounts()

    def refresh(self) -> bool:
        """Read what is mounted; return whether that matters to what is watched."""
        memory, selection = self._job.memory, self._job.selection
        table = read_mounts(self._job.host.mountinfo)
        remembered = {unescape(key[len(MOUNT) :]): value.decode() for key, value in memory.items(MOUNT)}
        points = {escape(mount.point) for mount in table}
        missing = frozenset(path for path, point in remembered.items() if point not in points)
        before, self.mounts = self.mounts, Mounts(table, missing)
        self._let_go({(mount.point, mount.device) for mount in table})
        about = (selection.named, selection.roots)
        return before.missing != missing or before.about(*about) != self.mounts.about(*about)

    def _let_go(self, mounted: set[tuple[str, int]]) -> None:
        with self._lock:
            gone = [self._threads.pop(key) for key in self._threads.keys() - mounted]
        for thread in gone:
            thread.close()

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
        try:
            self.place_of(path)
        except OutOfReach as error:
            return error.lost
        return None

    def place_of(self, path: str) -> Place:
        """Return where to ask for anything at `path`, also by a link; raise `OutOfReach` where nothing may be asked for."""
        above = path
        while above and self.mounts.missing:
            if above in self.mounts.missing:
                raise OutOfReach(Lost(above, NOT_MOUNTED))
            above = above.rpartition("/")[0]
        if not (self.mounts.remote or self.mounts.has_automounts):
            return HERE
        try:
            follow(path, self._check_local)
        except _Entered as entered:
            self.check(entered.point)
            thread = self._thread_of(entered.point)
            thread.do(lambda: follow(path, self.check))
            return thread
        return HERE

    def is_near(self, path: str) -> bool:
        """Return whether `path` can be looked at without asking a remote file system: that of what it leads to, too."""
        if not (self.mounts.remote or self.mounts.has_automounts):
            return True
        try:
            follow(path, self._check_local)
        except (_Entered, OutOfReach):
            return False
        return True

    def is_near_below(self, path: str) -> bool:
        """Return whether that holds for all that is mounted below the directory `path`, too."""
        return self.is_near(path) and not any(point.startswith(path + "/") for point in self.mounts.remote)

    def check(self, path: str) -> None:
        """Raise `OutOfReach` when what is mounted at `path` itself cannot be looked at."""
        if lost := self.lost_at(path):
            raise OutOfReach(lost)

    def _check_local(self, path: str) -> None:
        if path in self.mounts.remote and not self.mounts.would_mount(path):
            raise _Entered(path)
        self.check(path)

    def take_return(self) -> bool:
        """Return whether a file system that was given up has answered since this was asked last."""
        with self._lock:
            has_returned, self._has_returned = self._has_returned, False
        return has_returned

    def close(self) -> None:
        """Call `on_return` no more; no thread is left but one that hangs, which ends when it does no more."""
        with self._lock:
            self._is_closed = True
        self._let_go(set())

    def _answers(self, point: str) -> bool:
        thread = self._thread_of(point)
        if thread.is_mine:
            return True
        if not thread.is_lost and self._job.host.monotonic() - thread.answered_at < _FRESH_SECONDS:
            return True
        try:
            thread.do(lambda: self._job.host.ask(point))
        except OutOfReach:
            return False
        except OSError:
            pass  # an error is an answer
        return True

    def _thread_of(self, point: str) -> MountThread:
        key = (point, self.mounts.device_at(point))
        with self._lock:
            thread = self._threads.get(key)
            if thread is None:
                thread = self._threads[key] = MountThread(point, self._job, self._return, self._meanwhile)
            return thread

    def _return(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._has_returned = True
                self._on_return()
