"""Points in time as people write them on a command line."""

import re
import time
from datetime import datetime

from agent.cli import MISUSED, CommandError

_AGO = re.compile(r"(\d+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_moment(text: str, now: float | None = None) -> int:
    """Return seconds since the epoch for `1700000000`, ISO 8601 (local without an offset), or `2h` ago."""
    if text.isascii() and text.isdigit():
        return int(text)
    if ago := _AGO.fullmatch(text):
        return int((time.time() if now is None else now) - int(ago[1]) * _SECONDS[ago[2]])
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError, OSError):
        raise CommandError(
            f"{text!r} is no time", "write 2026-03-01T12:30, 1772368200, or 2h for two hours ago", MISUSED
        ) from None
