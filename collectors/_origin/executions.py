"""What begins to be executed, from a group of its own: who asked for something by a program that is over at once.

Heard of always, where that was asked for; else for some seconds after a change, and for as long as changes go on: `chmod` and its like
are over before anybody can read who they were, and what changes one file mostly changes more. A quiet host wakes nobody up.

A process is read twice: when it begins, while it is still what it was before, and a few milliseconds later, when it is
what it executes and shows its arguments. For one thread at a time.
"""

import math
import os
import stat
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from collectors._origin import fanotify, promptly
from collectors._origin.actor import Actor, Execution
from collectors._origin.known import KnownProcesses
from collectors._origin.proc import Processes

DIRECTORIES = (
    "/usr/bin",
    "/usr/sbin",
    "/bin",
    "/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/lib/systemd",
    "/opt/puppetlabs/bin",
    "/opt/puppetlabs/puppet/bin",
)
"""Where programs lie that people run; what else is executed is known by what it does alone."""
_KEEP = 2000
_MAX_FRESH = 200
_SETTLE_SECONDS = 0.002
_COMM_BYTES = 15
_READ_BYTES = 4 * 1024
_LISTEN_SECONDS = 10.0
"""After a change, where not always; and for so long not at all after too many."""
_MOST_A_SECOND = 100
_HALF_HEARD_SECONDS = 0.01
"""When it began to listen it may have missed that a script was opened, and have heard of its interpreter alone."""


class _Fresh(msgspec.Struct, frozen=True):
    due: float
    event: fanotify.Event
    first: Actor


class Executions:
    """Reads a group of fanotify, which stays another's; times are monotonic seconds."""

    def __init__(
        self,
        group: int,
        processes: Processes,
        known: KnownProcesses,
        now: Callable[[], float],
        *,
        is_always: bool = True,
    ) -> None:
        self.group = group
        self.is_always = is_always
        """Whether all is heard of; else something may have been executed that nobody heard of."""
        self._processes = processes
        self._known = known
        self._now = now
        self._fresh: deque[_Fresh] = deque()
        self._executions: deque[Execution] = deque(maxlen=_KEEP)
        self._names: dict[bytes, str] = {}
        self._is_listening = False
        self._since = self._until = self._again_at = -math.inf
        self._second, self._in_second = 0, 0
        if is_always:
            self._listen(math.inf)

    def expect(self) -> None:
        """Listen for some seconds: something was changed, and what changes one thing mostly changes more."""
        now = self._now()
        if now >= self._again_at and self._until < now + _LISTEN_SECONDS - 1:
            self._listen(now + _LISTEN_SECONDS)

    def _listen(self, until: float) -> None:
        self._until = until
        if not self._is_listening:
            self._is_listening, self._since = True, self._now()
            for path in DIRECTORIES:
                self._mark(path)

    def _rest(self) -> None:
        self._is_listening = False
        fanotify.unmark_everything(self.group)

    def _mark(self, path: str) -> None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            self._names.setdefault(fanotify.handle_of(fd), path)
            fanotify.mark_directory(self.group, fd, fanotify.OPEN_EXEC)
        except OSError:
            pass  # what is executed there is known by what it does
        finally:
            os.close(fd)

    def close(self) -> None:
        """Hear of nothing more."""
        self._rest()
        while self._fresh:
            os.close(self._fresh.popleft().event.pidfd)

    def wait_seconds(self) -> float | None:
        """Return when something is to be read the second time, or no longer to be listened for; None while nothing is."""
        due = self._fresh[0].due if self._fresh else self._until if self._is_listening else math.inf
        return None if due == math.inf else max(0.0, due - self._now())

    def of(self, program: str, since: float, until: float) -> tuple[Execution, ...]:
        """Return who began to execute a program of this name in a time; nothing where not all is heard of."""
        return tuple(
            one
            for one in (self._executions if self.is_always else ())
            if since < one.at <= until and one.path.rpartition("/")[2] == program
        )

    def read(self, changes_read_at: float, most: int = 64) -> None:
        """Read what waits, by so many reads at most; `changes_read_at` is when the last change was read that happened before.

        A number may have been another's at the time of a change that is not read yet: then nobody is named by it.
        """
        for _ in range(most):
            try:
                data = promptly.read_descriptor(self.group, _READ_BYTES)
            except OSError:  # nothing waits, or no descriptor is to be had
                break
            for event in fanotify.parse_events(data):
                self._begin(event, changes_read_at)
        while self._fresh and (self._fresh[0].due <= self._now() or len(self._fresh) > _MAX_FRESH):
            self._finish(self._fresh.popleft())
        if self._is_listening and self._now() >= self._until:
            self._rest()

    def _begin(self, event: fanotify.Event, changes_read_at: float) -> None:
        now = self._now()
        is_unwanted = self._is_too_much(now) or (
            not self.is_always and now - self._since < _HALF_HEARD_SECONDS
        )
        is_there = event.pidfd >= 0 and not is_unwanted
        actor = self._processes.read(event.pid, event.pidfd) if is_there else None
        if actor is None:
            if event.pidfd >= 0:
                os.close(event.pidfd)
            return
        if now - changes_read_at < self._known.keep_seconds and not self._is_set_uid(event):
            self._known.note(replace(actor, program=self._program(event, actor)), now)
        self._fresh.append(_Fresh(now + _SETTLE_SECONDS, event, actor))

    def _is_too_much(self, now: float) -> bool:
        """Count one more; what was not asked for may cost no more than this."""
        if self._second != int(now):
            self._second, self._in_second = int(now), 0
        self._in_second += 1
        if self.is_always or self._in_second <= _MOST_A_SECOND:
            return False
        self._until, self._again_at = now, now + _LISTEN_SECONDS
        return True

    def _program(self, event: fanotify.Event, actor: Actor) -> str:
        """Return what the process is called, or will be: of a script and its interpreter nobody knows yet by which of the two."""
        brief = self._processes.brief(event.pid)
        if brief is not None and self._processes.has_executed(event.pid) and brief[0] != actor.program:
            return brief[0]
        if any(one.event.pid == event.pid for one in self._fresh):
            return ""
        return _comm(event.name)

    def _is_set_uid(self, event: fanotify.Event) -> bool:
        try:
            return bool(Path(self._path(event)).stat().st_mode & (stat.S_ISUID | stat.S_ISGID))
        except OSError:
            return True

    def _path(self, event: fanotify.Event) -> str:
        directory = self._names.get(event.directory)
        return f"{directory}/{event.name}" if directory else event.name

    def _finish(self, fresh: _Fresh) -> None:
        event = fresh.event
        at = self._now()
        actor = self._processes.read(event.pid, event.pidfd)
        if actor is not None and not self._has_begun(fresh, actor):
            actor = None
        arguments = self._processes.arguments(event.pid) if actor is not None else ()
        os.close(event.pidfd)
        if actor is not None:
            self._known.note(actor, at)
        begun = fresh.due - _SETTLE_SECONDS
        who = actor or replace(fresh.first, program=_comm(event.name))
        self._executions.append(Execution(who, begun, self._path(event), arguments))

    def _has_begun(self, fresh: _Fresh, actor: Actor) -> bool:
        """Return whether a process is what it executes: where the processor is crowded it may still be what it was before."""
        is_new = actor.program != fresh.first.program or actor.program == _comm(fresh.event.name)
        return is_new and self._processes.has_executed(fresh.event.pid)


def _comm(name: str) -> str:
    """Return what the kernel calls a process that executes a file of this name."""
    return os.fsdecode(os.fsencode(name)[:_COMM_BYTES])
