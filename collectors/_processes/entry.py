"""What conf.d may say of processes, and how the collector is made of it, which is loaded then and not before."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from collectors.collector import Collector, Condition, Memory, Registration, Scoped


class ProcessMatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Globs; a process is meant when each that is given fits. `cmdline` is the arguments joined by blanks."""

    name: str | None = None
    """The name that the kernel has of it, as a glob."""
    exe: str | None = None
    """The path of its program, as a glob. For processes of other users the service needs the drop-in
    `/opt/sts-agent/share/sts-agent.service.d/processes.conf`."""
    cmdline: str | None = None
    """Its arguments, joined by blanks, as a glob; the first 4096 characters count."""
    user: str | None = None
    """The name of its user, as a glob."""

    def __post_init__(self) -> None:
        if not (self.name or self.exe or self.cmdline or self.user):
            raise ValueError("says nothing: give at least one of name, exe, cmdline and user")


class ProcessEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of process, under a name of the operator's own."""

    name: str
    """What the process is called in events."""
    match: ProcessMatch
    """What it has to match: every glob that is given."""


def _create(entries: Sequence[Scoped[ProcessEntry]]) -> Collector:
    from collectors.processes import Processes

    return Processes(entries)


def _find_doubts(entries: Sequence[Scoped[ProcessEntry]], root: Path) -> Iterable[str]:
    from collectors.processes import doubts_of

    return doubts_of(entries, root)


def _read_conditions(memory: Memory) -> Iterable[Condition]:
    from collectors._processes.condition import read_conditions

    return read_conditions(memory)


REGISTRATION = Registration(
    ProcessEntry, _create, many=True, find_doubts=_find_doubts, read_conditions=_read_conditions
)
