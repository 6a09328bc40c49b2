"""What the kernel tells of who changes what, as it comes: reads the group, names the processes, keeps what was seen.

One thread is lent for it, which sleeps until something changes, and gives way to others when that is much. Whoever asks reads first what waits, so an answer holds all that happened before
the question. fanotify adds a name to a change and does nothing else: whatever fails here makes somebody unknown, and never
stops or delays a collector.
"""

import errno
import math
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from collectors._origin import fanotify, promptly
from collectors._origin.actor import Execution, Testimony
from collectors._origin.executions import Executions
from collectors._origin.known import KnownProcesses
from collectors._origin.listener import Listener
from collectors._origin.looks import Look, Looks
from collectors._origin.pace import Pace
from collectors._origin.proc import Processes
from collectors._origin.sightings import KEEP_SECONDS, Deed, Sightings
from collectors._origin.testimony import account_of
from collectors._origin.watched import Watched

_READ_BYTES = 4 * 1024
_MAX_READS = 64
"""So much is read at once, some 4 000 events; who asks waits no longer, and what still waits then leaves the answer open."""
_READS_IN_TURN = 2
"""So much by the thread that listens, before it is seen whether it has to give way: the second finds that nothing waits."""
_PRUNE_SECONDS = 30.0
_PATIENCE_SECONDS = 1.0
"""The thread may wait for a file system that does not answer; it touches nothing any more after that."""
_OVERFLOWED = "more happened at once than the kernel keeps"
_WAITS = "more waits than is read at once"
_WHY_NOT_MARKED = {
    errno.ENOSPC: "there are as many marks as fs.fanotify.max_user_marks allows",
    errno.EOPNOTSUPP: "its file system has no handles",
}
_MAX_STRAY = 1000
"""After so many events of directories that nobody asks for any more, all marks are made anew."""


class KernelWitnesses:
    """Sees who changes what, by a group of fanotify; `executions` is a second one, of what begins to be executed.

    Of that it hears all with `execs`, else while something is being changed.
    """

    def __init__(
        self,
        group: int,
        executions: int | None = None,
        *,
        execs: bool = False,
        processes: Processes | None = None,
        now: Callable[[], float] = time.monotonic,
        pid_max: int | None = None,
    ) -> None:
        self._group = group
        self._now = now
        processes = processes or Processes()
        self._known = KnownProcesses(processes, now, pid_max)
        self._watched = Watched(KEEP_SECONDS)
        self._sightings = Sightings()
        self._looks = Looks()
        self._lock = threading.RLock()
        self._empty_at = self._pruned_at = now()
        self._is_up_to_date = True
        self._stray = 0
        self.not_marked: dict[str, str] = {}
        """Directories that the kernel does not mark, and why."""
        self.broken = ""
        """Why nobody is named any more; empty while all is well."""
        self._wake, self._stop = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._executions = (
            None
            if executions is None
            else Executions(executions, processes, self._known, now, is_always=execs)
        )
        self._done: threading.Event | None = None

    def start(self, listener: Listener) -> None:
        """Begin to read, by a thread that is lent until `close`."""
        self._done = listener.do(self._run)

    def close(self) -> None:
        """Give the thread back, and take all marks away; the groups stay open, as they are another's."""
        self.broken = "it has ended"
        os.close(self._stop)
        if self._done is not None:
            self._done.wait(_PATIENCE_SECONDS)
        os.close(self._wake)
        with suppress(OSError):
            fanotify.unmark_everything(self._group)
        if self._executions is not None:
            self._executions.close()

    @property
    def directories(self) -> int:
        """How many directories are marked."""
        return len(self._watched)

    @property
    def sees_executions(self) -> bool:
        """Whether all that begins to be executed is seen."""
        return self._executions is not None and self._executions.is_always

    # What collectors ask: collectors._origin.actor.Witnesses

    def watch_directory(self, path: str, fd: int) -> None:
        """Watch who changes what is in an open directory."""
        try:
            handle = fanotify.handle_of(fd)
            fanotify.mark_directory(self._group, fd, fanotify.CHANGES)
        except OSError as error:
            self.not_marked[path] = _why_not_marked(error)
            return
        self.not_marked.pop(path, None)
        with self._lock:
            self._watched.add(path, handle, self._now())

    def forget(self, directory: str) -> None:
        """Watch a directory, and what was below it, no longer by that name."""
        with self._lock:
            self._watched.forget(directory, self._now())
        for path in [
            path for path in [*self.not_marked] if path == directory or path.startswith(directory + "/")
        ]:
            self.not_marked.pop(path, None)

    def looking(self, paths: tuple[str, ...], *, saw_all: bool = True) -> None:
        """Note that a look at these paths begins, and how far the one before it went."""
        with self._lock:
            self._read_changes()
            self._looks.begin(paths, self._now(), saw_all=saw_all)

    def of(self, path: str, since: float | None = None, until: float | None = None) -> Testimony:
        """Return who changed a path in a time; what waits to be read is read first."""
        with self._lock:
            self._read_changes()
            last = self._looks.before(path) if since is None else Look(since, since)
            until = self._now() if until is None else until
            found = account_of(path, last, until, self._sightings, self._watched)
        return found if self._is_up_to_date else replace(found, is_complete=False, missed=_WAITS)

    def executions(self, program: str, since: float, until: float) -> tuple[Execution, ...]:
        """Return who began to execute a program of this name in a time."""
        if self._executions is None:
            return ()
        with self._lock:
            self._read_executions()
            return self._executions.of(program, since, until)

    # How it is read

    def _run(self) -> None:
        poll = select.poll()
        for fd in (self._wake, self._group, *([self._executions.group] if self._executions else [])):
            poll.register(fd, select.POLLIN)
        end = select.poll()
        end.register(self._wake, select.POLLIN)
        pace = Pace()
        while not self.broken:
            wait_seconds = self._executions.wait_seconds() if self._executions else None
            ready = dict(poll.poll(None if wait_seconds is None else wait_seconds * 1000))
            if self._wake in ready:
                return
            with self._lock:
                self._read_executions(_READS_IN_TURN)
            if self._stray > _MAX_STRAY:
                self._mark_anew()
            if owed := pace.owed_seconds():
                end.poll(owed * 1000)

    def _read_executions(self, most: int = _MAX_READS) -> None:
        """Read what began to be executed, once all is read that happened before: a number may be another's by then."""
        self._read_changes(most)
        if self._executions is not None and not self.broken:
            self._executions.read(self._empty_at, most)

    def _read_changes(self, most: int = _MAX_READS) -> None:
        """Read what waits; where that cannot be understood, nobody is named from then on."""
        try:
            self._read_what_waits(most)
        except Exception as error:  # noqa: BLE001 - whatever it is, no collector may suffer from it
            self.broken = f"what the kernel says cannot be read: {type(error).__name__}: {error}"
            self._sightings.lose(self._empty_at, math.inf, self.broken)

    def _read_what_waits(self, most: int) -> None:
        for _ in range(most if not self.broken else 0):
            began = self._now()
            data = self._take()
            self._is_up_to_date = not data
            if not data:
                self._empty_at = began
                break
            for event in fanotify.parse_events(data):
                self._note(event)
        if self._now() - self._pruned_at > _PRUNE_SECONDS:
            self._prune()

    def _take(self) -> bytes:
        try:
            return promptly.read_descriptor(self._group, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}:
                raise
            self._sightings.lose(self._empty_at, self._now(), "no descriptor was to be had")
            return b""

    def _note(self, event: fanotify.Event) -> None:
        try:
            if event.mask & fanotify.QUEUE_OVERFLOWED:
                self._sightings.lose(self._empty_at, self._now(), _OVERFLOWED)
                return
            actor = self._known.of(event)  # first of all: it may be over the next moment
            directory = self._watched.by_handle(event.directory)
            if directory is None or directory.gone_at is not None:
                self._stray += 1
                if directory is None:
                    return
            now = self._now()
            came_at = _moved_at(directory.path) if _is_arrival(event.mask) else math.inf
            deed = Deed(actor, event.mask, now, now, came_at)
            self._sightings.add(directory.handle, event.name, deed)
            if self._executions is not None:
                self._executions.expect()
        finally:
            if event.pidfd >= 0:
                os.close(event.pidfd)

    def _mark_anew(self) -> None:
        """Take all marks away and make those again that somebody asks for: others moved away, and go on to be reported."""
        with self._lock:
            self._stray, began = 0, self._now()
            paths = [*self._watched.paths()]
        with suppress(OSError):
            fanotify.unmark_everything(self._group)
        for path in paths:
            self._mark_again(path)
        with self._lock:
            self._sightings.lose(began, self._now(), "the marks were made anew")

    def _mark_again(self, path: str) -> None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return
        try:
            handle = fanotify.handle_of(fd)
            with self._lock:
                is_same = any(place.handle == handle for place in self._watched.at(path))
            if is_same:
                fanotify.mark_directory(self._group, fd, fanotify.CHANGES)
        except OSError as error:
            self.not_marked[path] = _why_not_marked(error)
        finally:
            os.close(fd)

    def _prune(self) -> None:
        self._pruned_at = now = self._now()
        self._sightings.prune(now)
        self._watched.prune(now)
        self._looks.prune(now - KEEP_SECONDS)


def _why_not_marked(error: OSError) -> str:
    return _WHY_NOT_MARKED.get(error.errno or 0) or error.strerror or str(error)


def _is_arrival(mask: int) -> bool:
    """Return whether a directory was moved here."""
    return bool(mask & fanotify.ON_DIRECTORY and mask & fanotify.MOVED_TO)


def _moved_at(parent: str) -> float:
    """Return when a name came into a directory, at the earliest, in seconds since the epoch."""
    try:
        return min(Path(parent).stat().st_mtime, time.time())
    except OSError:
        return -math.inf
