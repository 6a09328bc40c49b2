"""What one piece of evidence says about who made a change, as values. Pure."""

from typing import Literal

import msgspec

Kind = Literal[
    "package", "puppet", "ansible", "person", "service", "timer", "dependency", "manager", "unknown"
]
"""Who: `timer` is cron too, `manager` systemd itself (a restart, a boot, a shutdown)."""
How = Literal["process", "package-log", "report", "session", "job"]
"""What says so: the kernel of a process, a package manager's log, Puppet's report, logind or utmp, systemd of a job."""

NO_KINDS: frozenset[Kind] = frozenset()


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence; a field that is empty says nothing.

    One that is not `is_direct` only was there at that moment (an open session, a run under way) and need not have
    done anything.
    """

    kind: Kind
    how: How
    is_direct: bool
    name: str = ""
    """Package and version, the run, or who was logged in."""
    login_user: str = ""
    """The person behind su and sudo, as the kernel keeps it from the login on."""
    user: str = ""
    program: str = ""
    pid: int = 0
    unit: str = ""
    part_of: frozenset[Kind] = NO_KINDS
    """Of a process: the work (`package`, `puppet`) that it is a part of, if that work was under way."""
    may_be_of: frozenset[Kind] = NO_KINDS
    """Of a process: the work that it may be a part of without anything that says so."""
