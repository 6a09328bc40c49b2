"""A transaction of a package manager as its history has it: when it ran, and who asked for it. Pure."""

from collections.abc import Sequence

import msgspec

_SLACK_SECONDS = 1.0
"""Histories count whole seconds."""


class Asked(msgspec.Struct, frozen=True):
    """One transaction; times in seconds since the epoch."""

    began: float
    ended: float
    program: str = ""
    """The name of what was executed, as `apt-get`."""
    requested_by: str = ""


def asked_at(runs: Sequence[Asked], moment: float) -> Asked | None:
    """Return the transaction of a moment; None where there was none, or more than one."""
    found = [run for run in runs if run.began - _SLACK_SECONDS <= moment <= run.ended + _SLACK_SECONDS]
    return found[0] if len(found) == 1 else None


def program_of(command_line: str) -> str:
    """Return `apt-get` of `/usr/bin/apt-get install nginx`; of a script that Python runs, the script's name."""
    words = [word.rpartition("/")[2] for word in command_line.split()[:2]]
    return words[-1] if words and words[0].startswith("python") else next(iter(words), "")
