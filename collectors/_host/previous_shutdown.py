"""How a boot ended that the agent did not see end: what wtmp and the journal noted after the last mark.

Only for telling a crash from a shutdown. Nothing found means nothing more than that.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from collectors._host.accounting import read_turns_since
from collectors._host.heartbeat import Heartbeat

UNIT_STARTED = "39f53479d3a045ac8e11786248231fbf"
"""SD_MESSAGE_UNIT_STARTED of systemd's sd-messages.h."""

KINDS = {
    "reboot.target": "reboot",
    "poweroff.target": "poweroff",
    "halt.target": "halt",
    "kexec.target": "kexec",
    "soft-reboot.target": "soft-reboot",
}
"""What systemd starts to end a boot, systemd.special(7)."""

_JOURNAL_SECONDS = 10


class Ending(NamedTuple):
    """A shutdown that somebody else noted."""

    noted_by: str
    timestamp: int
    kind: str = ""


class Ended(NamedTuple):
    """What is known of the end of a boot; `boots` is how many wtmp counted since."""

    shutdown: Ending | None
    boots: int


def run_journalctl(arguments: Sequence[str]) -> str:
    """Return what journalctl prints; nothing where there is none, or where we may not read it."""
    import subprocess

    command = ["journalctl", "--no-pager", "--quiet", "--output=json", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, text=True, errors="replace", timeout=_JOURNAL_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def read_ended(
    mark: Heartbeat, root: Path = Path("/"), journalctl: Callable[[Sequence[str]], str] = run_journalctl
) -> Ended:
    """Read how the boot of `mark` ended.

    The journal is asked only where wtmp leaves something open: at a boot everybody wants the disk.
    """
    turns = read_turns_since(mark.accounting, mark.at.wall, root)
    boots = sum(turn.kind == "boot" for turn in turns)
    noted = [Ending("wtmp", turn.timestamp) for turn in turns if turn.kind == "shutdown"][:1]
    is_open = not noted or mark.state in {"announced", "ended"}  # of these the kind is not known
    if is_open and mark.state != "down":
        noted += parse_journal(journalctl(journal_query(mark.boot.boot_id)), mark.at.monotonic)
    if not noted:
        return Ended(None, boots)
    kind = next((ending.kind for ending in noted if ending.kind), "")
    return Ended(noted[0]._replace(kind=kind), boots)


def journal_query(boot_id: str) -> list[str]:
    """Return the arguments that find the targets which end a boot."""
    return [
        f"_BOOT_ID={boot_id.replace('-', '')}",
        "_PID=1",
        f"MESSAGE_ID={UNIT_STARTED}",
        "UNIT=shutdown.target",
        *(f"UNIT={unit}" for unit in KINDS),
    ]


def parse_journal(lines: str, after: float) -> list[Ending]:
    """Return the shutdown that these lines of `journalctl -o json` note, at most one.

    `after` is the time of the mark by CLOCK_MONOTONIC: a soft-reboot before it is no end of the boot.
    """
    entries = [entry for line in lines.split("\n") if (entry := _entry(line)) is not None]
    entries = [entry for entry in entries if _microseconds(entry.monotonic) > after * 1e6]
    if not entries:
        return []
    kind = next((KINDS[str(entry.unit)] for entry in entries if str(entry.unit) in KINDS), "")
    return [Ending("journal", _microseconds(entries[0].realtime) // 1_000_000, kind)]


class _Entry(msgspec.Struct, frozen=True):
    """The fields of a journal entry that matter; one that was set twice is a list, one of odd bytes a list of numbers."""

    unit: Any = msgspec.field(name="UNIT", default="")
    monotonic: Any = msgspec.field(name="__MONOTONIC_TIMESTAMP", default="")
    realtime: Any = msgspec.field(name="__REALTIME_TIMESTAMP", default="")


def _entry(line: str) -> _Entry | None:
    """Return the entry of a line, or None for one that is none: a journal that was cut short ends in the middle."""
    try:
        return _ENTRY.decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


_ENTRY = msgspec.json.Decoder(_Entry)
_MICROSECONDS = re.compile("[0-9]{1,18}")


def _microseconds(value: object) -> int:
    return int(value) if isinstance(value, str) and _MICROSECONDS.fullmatch(value) else 0
