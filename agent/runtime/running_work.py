"""Which package managers and their kin change this host now: by the locks that they hold and the processes of root's.

Asked when something has happened, never by a timer, and at most once in so many seconds. What cannot be asked is not
running. Only root can hold these locks and run these processes, so nobody else can have work labelled as planned.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from collectors._locked import holder_of

_ASK_AGAIN_SECONDS = 2.0
_STILL_SECONDS = 15.0
"""What ran so shortly before still counts: the last change of a run becomes known when it has ended."""

_LOCKS = {
    "apt": ("var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock"),
    "dnf": ("var/lib/rpm/.rpm.lock", "usr/lib/sysimage/rpm/.rpm.lock"),
}
_BY_PROGRAM = {"unattended-upgr": "unattended-upgrades"}
"""Who holds a lock under another name than its usual owner's, by the kernel's name of the process."""
_PUPPET_LOCKS = (
    "opt/puppetlabs/puppet/cache/state/agent_catalog_run.lock",
    "var/lib/puppet/state/agent_catalog_run.lock",
    "var/cache/puppet/state/agent_catalog_run.lock",
)
_ANSIBLE = b"AnsiballZ_"
_COMMAND_BYTES = 64 * 1024


class RunningWork:
    """Remembers for seconds what was found; any thread may ask, at the worst two look at once."""

    def __init__(self, root: Path = Path("/"), monotonic: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._monotonic = monotonic
        self._asked = -_ASK_AGAIN_SECONDS
        self._seen: dict[str, float] = {}

    def __call__(self) -> tuple[str, ...]:
        """Return their names."""
        now = self._monotonic()
        if now - self._asked >= _ASK_AGAIN_SECONDS:
            self._asked = now
            self._seen |= dict.fromkeys(running(self._root), now)
        if not self._seen:
            return ()
        return tuple(name for name, seen in self._seen.items() if now - seen < _STILL_SECONDS)


def running(root: Path = Path("/")) -> Iterator[str]:
    """Yield the name of each that runs now."""
    for name, paths in _LOCKS.items():
        holders = [holder for path in paths if (holder := holder_of(root / path)) is not None]
        if holders:
            yield next((_BY_PROGRAM[comm] for comm in map(_comm, holders) if comm in _BY_PROGRAM), name)
    if any(_names_a_process(root / path) for path in _PUPPET_LOCKS):
        yield "puppet"
    if any(_ANSIBLE in command for command in _commands_of_root()):
        yield "ansible"


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").rstrip("\n")
    except OSError:
        return ""


def _names_a_process(path: Path) -> bool:
    """Return whether a lock file holds the pid of a process that runs; what a killed run left behind does not."""
    try:
        return Path(f"/proc/{int(path.read_text('ascii')[:20])}").exists()
    except (OSError, ValueError):
        return False


def _commands_of_root() -> Iterator[bytes]:
    with suppress(OSError), os.scandir("/proc") as found:
        for entry in found:
            if entry.name.isdigit():
                with suppress(OSError):
                    # The folder is its user's; a file in it is root's where the process hides what it does.
                    if entry.stat().st_uid == 0:
                        yield _read(f"{entry.path}/cmdline")


def _read(path: str) -> bytes:
    """Return the beginning of a file; there are many of these at each look, so by bare calls."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _COMMAND_BYTES)
    finally:
        os.close(descriptor)
