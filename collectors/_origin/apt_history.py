"""Who asked apt for a transaction, as apt's own history says it.

apt writes down its command line and, where sudo or pkexec told it, the user who asked. dpkg alone writes no such thing.
"""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from collectors._regular import IsOwn, opened_regular

_TAIL_BYTES = 64 * 1024
_MOMENT = "%Y-%m-%d  %H:%M:%S"
_STILL_SECONDS = 3600.0
"""A transaction whose end is not written yet goes on for so long at most."""
_SLACK_SECONDS = 1.0
_USER = re.compile(r"(?P<name>\S+) \(\d+\)")


class AptRun(msgspec.Struct, frozen=True):
    """One transaction; times in seconds since the epoch."""

    began: float
    ended: float
    program: str = ""
    """The name of what was executed, as `apt-get`."""
    requested_by: str = ""


class AptHistory:
    """The history of a host, below its root directory."""

    def __init__(self, root: Path, is_own: IsOwn) -> None:
        self._path = root / "var/log/apt/history.log"
        self._is_own = is_own
        self._runs: list[AptRun] | None = None

    def at(self, moment: float) -> AptRun | None:
        """Return the transaction of a time; None where there was none, or more than one."""
        if self._runs is None:
            self._runs = [*parse_history(self._read())]
        found = [
            run for run in self._runs if run.began - _SLACK_SECONDS <= moment <= run.ended + _SLACK_SECONDS
        ]
        return found[0] if len(found) == 1 else None

    def forget(self) -> None:
        """Read anew the next time."""
        self._runs = None

    def _read(self) -> str:
        try:
            with opened_regular(str(self._path), self._is_own) as fd, open(fd, "rb", closefd=False) as file:
                file.seek(max(0, os.fstat(fd).st_size - _TAIL_BYTES))
                return file.read(_TAIL_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""


def parse_history(text: str) -> Iterator[AptRun]:
    """Yield the transactions of a history, whose times are local; one that makes no sense is left out."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        try:
            began = _seconds(fields["Start-Date"])
            ended = _seconds(fields["End-Date"]) if "End-Date" in fields else began + _STILL_SECONDS
        except (KeyError, ValueError, OverflowError):
            continue
        user = _USER.fullmatch(fields.get("Requested-By", "").strip())
        yield AptRun(began, ended, _program(fields.get("Commandline", "")), user["name"] if user else "")


def _program(command_line: str) -> str:
    """Return `apt-get` of `/usr/bin/apt-get install nginx`; of a script that Python runs, the script's name."""
    words = [word.rpartition("/")[2] for word in command_line.split()[:2]]
    return words[-1] if words and words[0].startswith("python") else next(iter(words), "")


def _seconds(text: str) -> float:
    return time.mktime(time.strptime(" ".join(text.split()), " ".join(_MOMENT.split())))
