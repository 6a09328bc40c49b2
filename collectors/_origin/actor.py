"""Who was seen to change a path, as values: what those who see and those who decide have in common.

Times are seconds of CLOCK_MONOTONIC, as `time.monotonic` has them. Nothing is read here and nothing decided. What is seen
adds a name to a change that was found otherwise; it is never the reason to tell one.
"""

from typing import Protocol

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """A process as the kernel described it when it acted."""

    pid: int
    started: int
    """When it was started, in clock ticks since the boot: with `pid` one process, though numbers are used again."""
    program: str
    """What the kernel calls it (`comm`): at most 15 bytes of the name of what was executed. A process may set it to anything."""
    uid: int
    """Whose rights it had: the effective user."""
    user: str
    """The name of that user; its number where it has none."""
    real_uid: int
    """Who ran it, where a set-uid program gave it other rights."""
    login_uid: int | None = None
    """Who logged in; su and sudo leave it. None for what nobody's login began."""
    login_user: str = ""
    """The name of that user, its number where it has none; empty for nobody's login."""
    unit: str = ""
    """The unit of the system's manager that it belongs to, as `nginx.service` or `session-3.scope`; empty where there is none."""
    session: str = ""
    """The login session, as logind counts them."""
    cgroup: str = ""
    """Its control group, as `/system.slice/nginx.service`."""
    ancestors: tuple[str, ...] = ()
    """What its parent, grandparent and so on are called, nearest first, as far as they were still there."""


class Seen(msgspec.Struct, frozen=True):
    """One process and what it did to a path."""

    actor: Actor
    first: float
    last: float
    changed_content: bool = False
    """It wrote, truncated, or closed what it had open to write."""
    changed_attributes: bool = False
    """Mode, owner, times, extended attributes, number of links."""
    changed_names: bool = False
    """It made, removed or renamed the name."""


class Testimony(msgspec.Struct, frozen=True):
    """What was seen of a path within some time."""

    seen: tuple[Seen, ...] = ()
    """One for each process, the first to act first."""
    is_complete: bool = False
    """Whether everything that happened to the path in that time was seen, and by whom. Where it is not, another may have done it."""
    missed: str = ""
    """Why not, in a few words."""


class Execution(msgspec.Struct, frozen=True):
    """A process that began to execute a program; known only with `who: {execs: true}`."""

    actor: Actor
    at: float
    path: str
    """What it executed; only its name where the directory is not known."""
    arguments: tuple[str, ...] = ()
    """As the process itself shows them; empty where it was over too soon."""


class Witnesses(Protocol):
    """Whoever sees what processes do; for any thread, and never blocks for long. One sees for all runs of all collectors."""

    def of(self, path: str, since: float | None = None, until: float | None = None) -> Testimony:
        """Return who changed an absolute path, or moved a directory above it, after `since` and up to `until` (now).

        Without `since`: since the look at the path before the one that goes on (see `looking`).
        """
        ...

    def looking(self, paths: tuple[str, ...], *, saw_all: bool = True) -> None:
        """Note that a look at these paths begins, and the one before is over; none: that is over, and none begins.

        That one `saw_all` where no directory came to be watched during it that it did not list afterwards. What is seen from now on belongs to their next change as well. A directory, with all below it, ends with a slash.
        """
        ...

    def watch_directory(self, path: str, fd: int) -> None:
        """Watch who changes what is in the open directory `fd`, known as `path`; never raises."""
        ...

    def forget(self, directory: str) -> None:
        """Watch a directory, and what was below it, no longer by that name: it moved away or is gone."""
        ...

    def executions(self, program: str, since: float, until: float) -> tuple[Execution, ...]:
        """Return who began to execute a program of this name (`systemctl`) in a time, the first first."""
        ...


class NoWitnesses:
    """Where nobody sees it: switched off, or not possible here, for the reason given."""

    def __init__(self, why: str) -> None:
        self.why = why

    def of(self, path: str, since: float | None = None, until: float | None = None) -> Testimony:  # noqa: ARG002 - the protocol's
        """Return that nothing was seen."""
        return Testimony(missed=self.why)

    def looking(self, paths: tuple[str, ...], *, saw_all: bool = True) -> None:
        """Do nothing."""

    def watch_directory(self, path: str, fd: int) -> None:
        """Do nothing."""

    def forget(self, directory: str) -> None:
        """Do nothing."""

    def executions(self, program: str, since: float, until: float) -> tuple[Execution, ...]:  # noqa: ARG002 - the protocol's
        """Return none."""
        return ()
