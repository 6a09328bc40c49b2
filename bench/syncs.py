"""How often a process has its writes synced to the disk, as the kernel's own trace counts it: nothing of the process is slowed or woken.

Needs root and a kernel that traces system calls, as those of Debian do.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TRACING = Path("/sys/kernel/tracing")
_CALLS = ("fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "msync")
_CALL = re.compile(rf": sys_(?:{'|'.join(_CALLS)})\(")


def missing() -> str | None:
    """Return why nothing can be counted here, or None."""
    return None if _events().is_dir() else "the kernel traces no system calls here"


@contextmanager
def counting(pid: int) -> Iterator["Syncs"]:
    """Count those of a process, of its threads and of what it starts, from here on; `pid` as it is called out here."""
    instance = _TRACING / "instances" / f"sts-bench-{os.getpid()}-{pid}"
    if reason := missing():
        raise SystemExit(f"syncs cannot be counted: {reason}")
    instance.mkdir()
    try:
        (instance / "options/event-fork").write_text("1")
        threads = (one.name for one in Path(f"/proc/{pid}/task").iterdir())
        (instance / "set_event_pid").write_text(" ".join(threads))
        for call in _CALLS:
            (instance / f"events/syscalls/sys_enter_{call}/enable").write_text("1")
        yield Syncs(instance)
    finally:
        instance.rmdir()


class Syncs:
    """What is counted."""

    def __init__(self, instance: Path) -> None:
        self._trace = instance / "trace"

    def count(self) -> int:
        """Return how many there were so far."""
        return len(_CALL.findall(self._trace.read_text()))


def _events() -> Path:
    events = _TRACING / "events/syscalls"
    if not events.is_dir():
        subprocess.run(["mount", "-t", "tracefs", "tracefs", _TRACING], check=False, capture_output=True)
    return events
