"""The last lines that a failed run wrote to the journal, masked; read only where an entry asks for them.

What the agent may not read is left out: its user has to be in the group `systemd-journal`.
"""

import dataclasses
import os
import shutil
import subprocess
import time
from collections.abc import Callable

from collectors._services.course import Step

MAX_CHARACTERS = 8192
_LOGS_AT_ONCE = 5
_TRIES = 4
_BETWEEN_TRIES_SECONDS = 0.05
_READ_SECONDS = 2.0


class LogReader:
    """Adds the last lines of its log to a step, for a few steps: reading takes a moment each."""

    def __init__(self) -> None:
        self._left = _LOGS_AT_ONCE

    def __call__(self, step: Step, lines: int) -> Step:
        if not self._left:
            return step
        self._left -= 1
        return dataclasses.replace(step, log=read_last_lines(step.invocation, lines))


def read_last_lines(invocation: str, lines: int, *, read: Callable[[str, int], str] | None = None) -> str:
    """Return the last lines of one run; the journal may be a moment behind, so until two reads agree on some."""
    read = read or read_journal
    text = read(invocation, lines)
    for _ in range(_TRIES):
        time.sleep(_BETWEEN_TRIES_SECONDS)
        before, text = text, read(invocation, lines)
        if text and text == before:
            break
    return mask_lines(text)


def mask_lines(text: str) -> str:
    """Return a log's lines without what looks like a secret, and not more than an event should carry."""
    from collectors._redaction.redact import Redactor

    return Redactor(os.urandom(32)).mask(text.strip())[-MAX_CHARACTERS:]


def read_journal(invocation: str, lines: int) -> str:
    """Return the last lines of one run, as journalctl gives them; "" where it does not."""
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        return ""
    command = [journalctl, "--quiet", "--no-pager", "--output=cat", f"--lines={lines}"]
    command.append(f"_SYSTEMD_INVOCATION_ID={invocation}")
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, timeout=_READ_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
