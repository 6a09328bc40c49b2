"""What can go wrong in the spool, said once, each with what to do about it."""


class SpoolError(Exception):
    """The spool's trouble; `hint` tells the operator what to do."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint


class SpoolLocked(SpoolError):  # noqa: N818 - a state of the spool: it has its one writer already
    """Another process writes this spool; `holder_pid` names it, 0 when it could not be read."""

    def __init__(self, directory: str, holder_pid: int) -> None:
        holder = f"process {holder_pid}" if holder_pid else "another process"
        super().__init__(
            f"{directory} is in use by {holder}", "stop it first, or use another spool.directory"
        )
        self.holder_pid = holder_pid


class SpoolFull(SpoolError):  # noqa: N818 - a state of the spool
    """Nothing of this append was kept: the cap or the disk has no room for it."""


class SpoolClosed(SpoolError):  # noqa: N818 - a state of the spool
    """The spool was closed; nothing of this call was kept."""


class DamagedRow(SpoolError):  # noqa: N818 - a state of the row
    """A row does not match its checksum; `key` says which one."""

    def __init__(self, table: str, key: object) -> None:
        super().__init__(f"{table} {key!r} does not match its checksum")
        self.table = table
        self.key = key
