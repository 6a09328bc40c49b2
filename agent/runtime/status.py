"""What `status` shows, as one document: the same from the daemon as from the files it left.

Holds no secret: texts of failures come masked from where they arise.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:  # who shows what the daemon answered needs no spool
    from spool import DestinationStatus, SpoolStatus

LITTLE_ROOM_BYTES = 16 * 1024 * 1024
"""With less free on the disk of the spool it is told."""

_DAY_SECONDS = 86_400.0


class Collector(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one collector is at."""

    state: str
    detail: str = ""
    restarts: int = 0
    is_asked_for: bool = False
    """Whether a file in conf.d names it, beside those that are on by default."""


class Destination(msgspec.Struct, kw_only=True):
    """Where one destination stands; times are seconds since the epoch."""

    state: str
    reason: str = ""
    until: float | None = None
    last_success: float | None = None
    last_failure: float | None = None
    last_failure_reason: str = ""
    waiting_events: int = 0
    waiting_bytes: int = 0
    oldest_waiting: float | None = None
    delivered: int = 0
    filtered: int = 0
    rejected: int = 0
    dropped: dict[str, int] = {}
    waiting_since: float | None = None
    """When the first that waits was recorded, where a trusted clock says so."""
    dropped_lately: int = 0
    """What was dropped within the last day and nobody has acknowledged."""


class Listener(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where the agent takes something in, and why not where it does not."""

    address: str
    problem: str = ""


class WhoState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whether the kernel says who changes a file."""

    on: bool
    why: str = ""
    """Why it is off."""
    at_once: bool = False
    """Whether the thread that listens runs before what has no real-time priority; else when a processor is free."""
    execs: bool = False
    directories: int = 0
    not_marked: int = 0
    """Directories that the kernel would not mark."""
    why_not_marked: str = ""


class SpoolSize(msgspec.Struct, kw_only=True):
    """How full the spool is."""

    directory: str
    size_bytes: int
    max_size_bytes: int
    records: int
    events: int
    oldest: float | None
    rejected: int
    free_bytes: int | None = None
    """What is free on the disk where it lies, None where that cannot be told."""
    volatile: str = ""
    damage: list[str] = []
    """What was found damaged within the last day."""
    salvaging: bool = False
    memory_full: bool = False
    """There is no room to remember more: further files are not watched."""
    refused_files: int = 0
    """Files of `incoming/` that could not be taken in, and are kept aside."""
    texts_given_up: int = 0
    """Remembered texts that had no room: the next change of each file has no diff."""


class Document(msgspec.Struct, kw_only=True):
    """The whole of it."""

    running: bool | None
    """None where that cannot be told."""
    no_answer: str = ""
    """Why the daemon itself was not asked, or did not answer: then this is what its files say."""
    pid: int | None = None
    version: str = ""
    started: float | None = None
    hostname: str | None = None
    clock_trusted: bool | None = None
    socket: str = ""
    listens: dict[str, Listener] = {}
    configuration: list[str] = []
    configuration_hash: str = ""
    """Of the one in use, see `agent.configuration.fingerprint`."""
    set_aside: dict[str, list[str]] = {}
    replaced: list[str] = []
    """What is wrong with agent.yaml, where the last one that was right goes on in its place."""
    refused_reload: list[str] = []
    """What was wrong with the configuration that a reload refused."""
    odd_posts: str = ""
    """Which posted bodies raised what nobody foresaw, in a few words."""
    alert_after: float = 900.0
    """After how many seconds without any delivery action is needed, while something waits."""
    warnings: list[str] = []
    """What of the configuration works, and is likely not meant, as a file that is not read."""
    action_needed: list[str] = []
    """What somebody has to do something about; filled by whoever shows it."""
    what_to_do: list[str] = []
    """And what that is, one for each; empty where nobody can say."""
    recovered: str = ""
    who: WhoState | None = None
    collectors: dict[str, Collector] = {}
    destinations: dict[str, Destination] = {}
    spool: SpoolSize | None = None


def spool_size(directory: Path, status: "SpoolStatus") -> SpoolSize:
    """Return how full the spool is."""
    return SpoolSize(
        directory=str(directory),
        size_bytes=status.size_bytes,
        max_size_bytes=status.max_size_bytes,
        records=status.records,
        events=status.events,
        oldest=status.oldest_time,
        rejected=status.rejected,
        free_bytes=_free_bytes(directory),
        volatile=status.volatile,
        damage=[
            *(found.reason for found in status.recoveries if time.time() - found.time < _DAY_SECONDS),
            *(["parts of it cannot be read"] if status.unreadable else []),
        ],
        salvaging=status.salvaging,
        memory_full=status.is_memory_full,
        texts_given_up=status.texts_given_up,
        refused_files=status.refused_files,
    )


def _free_bytes(directory: Path) -> int | None:
    try:
        found = os.statvfs(directory)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def destination(found: "DestinationStatus", state: str = "unknown", **fields: Any) -> Destination:
    """Return where a destination stands as the spool knows it, and what its loop says besides."""
    known = {
        "last_success": found.last_success,
        "waiting_events": found.waiting_events,
        "waiting_bytes": found.waiting_bytes,
        "oldest_waiting": found.oldest_waiting_time,
        "waiting_since": found.waiting_since,
        "delivered": found.delivered_total,
        "filtered": found.filtered_total,
        "rejected": found.rejected_total,
        "dropped": dict(found.dropped),
        "dropped_lately": found.dropped_lately,
    }
    return Destination(state=state, **{**known, **fields})


def without_daemon(
    directory: Path,
    status: "SpoolStatus | None",
    configured: Mapping[str, Any],
    *,
    running: bool | None = False,
    no_answer: str = "",
) -> Document:
    """Return what can be said when no daemon answers."""
    document = Document(running=running, no_answer=no_answer, **configured)
    if status is not None:
        document.spool = spool_size(directory, status)
        state = "stopped" if running is False else "unknown"
        document.destinations = {found.name: destination(found, state) for found in status.destinations}
    return document
