"""Which processes an entry of the configuration means. Pure."""

import re
from collections.abc import MutableMapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from itertools import islice
from pathlib import Path

import msgspec

from collectors._braces import MAX_ALTERNATIVES, expand_braces


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process; `ticks` is its start in clock ticks since the boot and, with the pid, its identity."""

    pid: int
    ticks: int
    parent: int = 0
    created: float = 0.0
    name: str = ""
    exe: str = ""
    cmdline: tuple[str, ...] = ()
    user: str = ""

    @property
    def key(self) -> str:
        """Return what tells this process from every other of this boot."""
        return f"{self.pid}:{self.ticks}"


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process that is known to run, or that ran before this boot; `mark` names the boot."""

    mark: str
    label: str
    pid: int
    ticks: int
    created: float
    exe: str = ""
    user: str = ""

    @property
    def key(self) -> str:
        """Return what tells this process from every other of its boot."""
        return f"{self.pid}:{self.ticks}"


def label_of(signature: str) -> str:
    """Return the label that a signature begins with."""
    return signature.partition("\0")[0]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: globs, each of which must fit; None fits everything."""

    label: str
    name: str | None = None
    exe: str | None = None
    cmdline: str | None = None
    user: str | None = None
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """Return the entry's patterns as one text, to know it again after a change of the configuration."""
        return "\0".join(part or "" for part in (self.label, self.name, self.exe, self.cmdline, self.user))

    def matches(self, process: Process) -> bool:
        """Return whether the entry means the process itself; see `find` for children."""
        return (
            _fits(process.name, self.name)
            and _fits(process.user, self.user)
            and _fits(" ".join(process.cmdline), self.cmdline)
            and (self.exe is None or any(_runs(process, glob) for glob in globs_of(self.exe)))
        )


def find(wanted: Wanted, processes: Sequence[Process], odd: MutableMapping[int, Exception]) -> list[Process]:
    """Return the processes that an entry means: those that match and whose parent does not.

    A server and the workers it forks are one thing that runs; the workers come and go as it likes. What one raises
    is put into `odd`, by its pid.
    """
    matching = {}
    for process in processes:
        try:
            if wanted.matches(process):
                matching[process.pid] = process
        except Exception as error:  # noqa: BLE001 - it is the trouble of this one alone
            odd[process.pid] = error
    return [process for process in matching.values() if process.parent not in matching]


def _fits(text: str, pattern: str | None) -> bool:
    """Return whether a text fits a glob; one with braces may mean them as they stand, as in a command line, or what they stand for."""
    return pattern is None or any(fnmatchcase(text, glob) for glob in globs_of(pattern))


@cache
def globs_of(pattern: str) -> tuple[str, ...]:
    """Return a pattern, and what it stands for where it has braces."""
    return (pattern, *islice(expand_braces(pattern), MAX_ALTERNATIVES)) if "{" in pattern else (pattern,)


def _runs(process: Process, glob: str) -> bool:
    return any(fnmatchcase(path, glob) for path in _executables(process, glob))


def _executables(process: Process, pattern: str) -> list[str]:
    """Return the names that the executable goes by: its own, and the one it was called by.

    `/usr/bin/python3` is a link; when the pattern is a plain path, what it leads to counts as that path.
    """
    names = [process.exe, *process.cmdline[:1]]
    if not re.search(r"[*?\[]", pattern) and str(Path(pattern).resolve()) == process.exe:
        names.append(pattern)
    return names
