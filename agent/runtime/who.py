"""Who changed it: takes what the step before the service made, tries it, and lends it to the collectors.

The thread that listens is there before the service is ready, and stays: the step after the start finds it then.
Whatever is lacking, the collectors work as before and nobody is named; `status` says why.
"""

import errno
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agent.configuration.types import Who
from agent.runtime.status import WhoState
from agent.runtime.stored_descriptors import CHANGES, EXECUTIONS, REFUSED
from collectors._origin.actor import Execution, NoWitnesses, Testimony, Witnesses

if TYPE_CHECKING:
    from collectors._origin.kernel_witnesses import KernelWitnesses
    from collectors._origin.listener import Listener

log = logging.getLogger(__name__)

_BY_ERRNO = {
    errno.EPERM: "not permitted here: what runs this container forbids fanotify",
    errno.EINVAL: "the kernel is too old: Linux 5.15 is needed",
    errno.ENOSYS: "the kernel has no fanotify",
    errno.EMFILE: "there are too many groups of fanotify: raise fs.fanotify.max_user_groups",
}
_NO_STEP = "the unit that started the agent has no step that makes it possible (ExecStartPre=+, FileDescriptorStoreMax=)"
_NO_UNIT = "the agent was not started by its unit"


class WhoChanged:
    """Lends witnesses that come and go with the configuration; its own methods are for one thread, the witnesses' for any."""

    def __init__(self, descriptors: Mapping[str, int], environ: Mapping[str, str] = os.environ) -> None:
        self._descriptors = descriptors
        self._is_in_unit = bool(environ.get("NOTIFY_SOCKET"))
        self._asked: bool | Who | None = None
        self._kernel: KernelWitnesses
        self._now: Witnesses = NoWitnesses("it has not begun")
        self._listener: Listener | None = None
        if CHANGES in descriptors:
            with suppress(OSError):  # it is tried again when it is needed
                self._free_listener()

    def reconfigure(self, asked: "bool | Who", directory: Path) -> bool:
        """Begin, end, or go on as asked, and try in `directory` whether it works.

        Returns whether collectors have to begin anew, because others see now than before.
        """
        was, before = self._now, self.state().why
        if asked == self._asked and self._seeing() is not None:
            self._try(directory)
        else:
            self._asked = asked
            self._end(NoWitnesses("switched off by `who: false`"))
            if asked is not False:
                self._begin(directory, execs=asked is not True and asked.execs)
        if was is not self._now and (not before or before != self.state().why):
            self._say()
        return was is not self._now and not (isinstance(was, NoWitnesses) and self._seeing() is None)

    def stop(self) -> None:
        """End it."""
        self._end(NoWitnesses("the agent ends"))
        if self._listener is not None:
            self._listener.end()

    def state(self) -> WhoState:
        """Return what `status` shows; for any thread."""
        seeing = self._seeing()
        if seeing is None:
            return WhoState(on=False, why=getattr(self._now, "why", ""))
        if seeing.broken:
            return WhoState(on=False, why=seeing.broken)
        reasons = [*seeing.not_marked.values()]
        return WhoState(
            on=True,
            at_once=self._listener is not None and self._listener.is_at_once,
            execs=seeing.sees_executions,
            directories=seeing.directories,
            not_marked=len(reasons),
            why_not_marked=reasons[0] if reasons else "",
        )

    def _seeing(self) -> "KernelWitnesses | None":
        return None if isinstance(self._now, NoWitnesses) else self._kernel

    def _begin(self, directory: Path, *, execs: bool) -> None:
        if CHANGES not in self._descriptors:
            self._now = NoWitnesses(self._why_there_is_none())
            return
        from collectors._origin.kernel_witnesses import KernelWitnesses

        try:
            kernel = KernelWitnesses(
                self._descriptors[CHANGES], self._descriptors.get(EXECUTIONS), execs=execs
            )
            kernel.start(self._free_listener())
        except OSError as error:
            self._now = NoWitnesses(f"it cannot be begun: {error.strerror or error}")
            return
        self._now = self._kernel = kernel
        self._try(directory)

    def _free_listener(self) -> "Listener":
        """Return the thread that listens, or a new one where that does not come back from what it does; raises OSError."""
        from collectors._origin.listener import Listener

        if self._listener is None or not self._listener.is_free:
            listener, before = Listener(), self._listener
            listener.start()
            self._listener = listener
            if before is not None:
                before.end()
        return self._listener

    def _why_there_is_none(self) -> str:
        if REFUSED in self._descriptors:
            with suppress(OSError, ValueError):  # it is not what the step left
                number = int(os.pread(self._descriptors[REFUSED], 16, 0))
                return _BY_ERRNO.get(number) or os.strerror(number)
        return _NO_STEP if self._is_in_unit else _NO_UNIT

    def _try(self, directory: Path) -> None:
        """Try whether it works; where it does not, end it."""
        from collectors._origin.self_test import find_fault

        if why := find_fault(self._kernel, directory):
            self._end(NoWitnesses(why))

    def _end(self, none: NoWitnesses) -> None:
        seeing = self._seeing()
        self._now = none
        if seeing is not None:
            seeing.close()

    def _say(self) -> None:
        state = self.state()
        log.info("who: %s", "on" if state.on else f"off: {state.why}")

    # Witnesses, to whoever is lent this

    def of(self, path: str, since: float | None = None, until: float | None = None) -> Testimony:
        """Return who changed a path in a time."""
        return self._now.of(path, since, until)

    def looking(self, paths: tuple[str, ...], *, saw_all: bool = True) -> None:
        """Note that a look at these paths begins."""
        self._now.looking(paths, saw_all=saw_all)

    def watch_directory(self, path: str, fd: int) -> None:
        """Watch who changes what is in an open directory."""
        self._now.watch_directory(path, fd)

    def forget(self, directory: str) -> None:
        """Watch a directory, and what was below it, no longer by that name."""
        self._now.forget(directory)

    def executions(self, program: str, since: float, until: float) -> tuple[Execution, ...]:
        """Return who began to execute a program of this name in a time."""
        return self._now.executions(program, since, until)
