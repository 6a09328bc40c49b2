"""The last lines that a failed run wrote to the journal, masked; read only where an entry asks for them.

What the agent may not read is left out: its user has to be in the group `systemd-journal`.
"""

import json
import time
from collections.abc import Callable, Sequence

import msgspec

from collectors._services.transitions import Step

MAX_CHARACTERS = 8192
_LOGS_AT_ONCE = 5
_TRIES = 6
_BETWEEN_TRIES_SECONDS = 0.05
_READ_SECONDS = 2.0
_FAILED_WITH_RESULT = "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c"  # SD_MESSAGE_UNIT_FAILURE_RESULT


class LogReader:
    """Adds the last lines of its log to a step, for a few steps: reading takes a moment each."""

    def __init__(self) -> None:
        self._left = _LOGS_AT_ONCE

    def __call__(self, step: Step, lines: int) -> Step:
        if not self._left:
            return step
        self._left -= 1
        return msgspec.structs.replace(step, log=read_last_lines(step, lines))


def matches(step: Step) -> list[str]:
    """Return what journalctl finds the lines of one run by.

    The journal asks for the run's name when a line arrives, and of a process that is gone by then it learns no more
    than the unit; what that process wrote is found by its pid, from the second on in which the run began.
    """
    look, by_name = step.look, f"_SYSTEMD_INVOCATION_ID={step.invocation}"
    if not look.exec_pid or not look.left_inactive_monotonic or step.invocation != look.invocation:
        return [by_name]
    began = look.changed - (look.changed_monotonic - look.left_inactive_monotonic)
    by_pid = [f"_SYSTEMD_UNIT={step.unit}", f"_PID={look.exec_pid}"]
    return [f"--since=@{began // 1_000_000}", by_name, "+", *by_pid]


def read_last_lines(
    step: Step, lines: int, *, read: Callable[[Sequence[str], int], str] | None = None
) -> str:
    """Return the last lines of one run; the journal may be a moment behind, so until two reads agree on some.

    They count only when the journal holds the manager's own word of the end, which came after the lines.
    """
    read = read or read_journal
    found_by, has_ended = matches(step), False
    text = read(found_by, lines)
    for _ in range(_TRIES):
        time.sleep(_BETWEEN_TRIES_SECONDS)
        has_ended = has_ended or bool(read([_FAILED_WITH_RESULT, f"INVOCATION_ID={step.invocation}"], 1))
        before, text = text, read(found_by, lines)
        if has_ended and text and text == before:
            break
    return mask_lines(text)


def mask_lines(text: str) -> str:
    """Return a log's lines without what looks like a secret, and not more than an event should carry."""
    from collectors._redaction.passing import without_secrets

    return without_secrets(text.strip())[-MAX_CHARACTERS:]


def read_journal(found_by: Sequence[str], lines: int) -> str:
    """Return the last lines that match, as journalctl gives them; "" where it does not."""
    import shutil  # only a unit that failed is asked for its log
    import subprocess

    journalctl = shutil.which("journalctl")
    if journalctl is None:
        return ""
    # Not in order: with `--since` the lines would be the first ones.
    command = [journalctl, "--quiet", "--no-pager", "--reverse", "--output=json", "--output-fields=MESSAGE"]
    try:
        done = subprocess.run(
            [*command, f"--lines={lines}", *found_by],
            check=False,
            capture_output=True,
            timeout=_READ_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return parse_messages(done.stdout) if done.returncode == 0 else ""


def parse_messages(entries: bytes) -> str:
    """Return the messages of entries as `--output=json` gives them, the newest first, in their order."""
    messages = []
    for entry in reversed(entries.splitlines()):
        match json.loads(entry).get("MESSAGE"):
            case str(text):
                messages.append(text)
            case list(octets) if all(isinstance(octet, int) for octet in octets):  # not printable text
                messages.append(bytes(octets).decode(errors="replace"))
    return "\n".join(messages)
