"""Who asked apt for a transaction, as apt's own history says it.

apt writes down its command line and, where sudo or pkexec told it, the user who asked. dpkg alone writes no such thing.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from collectors._origin.asked import Asked, program_of
from collectors._regular import IsOwn, opened_regular

_TAIL_BYTES = 64 * 1024
_MOMENT = "%Y-%m-%d %H:%M:%S"
_STILL_SECONDS = 3600.0
"""A transaction whose end is not written yet goes on for so long at most."""
_USER = re.compile(r"(?P<name>\S+) \(\d+\)")


class AptHistory:
    """The history of a host, below its root directory."""

    def __init__(self, root: Path, is_own: IsOwn) -> None:
        self._path = root / "var/log/apt/history.log"
        self._is_own = is_own

    def read(self) -> Iterator[Asked]:
        """Yield the latest transactions; none where there is no history, or none that can be read."""
        with (
            suppress(OSError),
            opened_regular(str(self._path), self._is_own) as fd,
            open(fd, "rb", closefd=False) as file,
        ):
            file.seek(max(0, os.fstat(fd).st_size - _TAIL_BYTES))
            yield from parse_history(file.read(_TAIL_BYTES).decode("utf-8", "replace"))


def parse_history(text: str) -> Iterator[Asked]:
    """Yield the transactions of a history, whose times are local; one that makes no sense is left out."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        try:
            began = _seconds(fields["Start-Date"])
            ended = _seconds(fields["End-Date"]) if "End-Date" in fields else began + _STILL_SECONDS
        except (KeyError, ValueError, OverflowError):
            continue
        user = _USER.fullmatch(fields.get("Requested-By", "").strip())
        yield Asked(began, ended, program_of(fields.get("Commandline", "")), user["name"] if user else "")


def _seconds(text: str) -> float:
    return time.mktime(time.strptime(" ".join(text.split()), _MOMENT))
