"""Points in time and spans of it as people write them on a command line.

A moment without a zone is this host's. Digits alone are seconds since the epoch, but for eight, which are a date or
nothing: who writes 20261126 means that day.
"""

import re
import time
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from agent.cli import MISUSED, CommandError

_UNITS = r"ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?"
_SPAN = re.compile(rf"(\d+(?:\.\d+)?)\s*({_UNITS})(?![a-z])\s*")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SHORT_HOUR = re.compile(r"(?<![\d:])(\d):", re.ASCII)
_EPOCH = re.compile(r"\d{1,7}(\.\d+)?|\d{9,11}(\.\d+)?", re.ASCII)
_DAYS = {"today": 0, "yesterday": 1}
_A_MINUTE = 60.0


def parse_moment(text: str, now: float | None = None, *, not_before: float | None = None) -> int:
    """Return seconds since the epoch for what a person means by `text`; raises `CommandError`.

    `14:03`, `9:03`, `yesterday`, `today 14:03`, `2026-11-26 14:03`, ISO 8601, `1h30m` or `2 hours` ago, seconds. A time of day is the last
    such one; the first from `not_before` on where that is given, as the end of a range.
    """
    wall = time.time() if now is None else now
    written = _SHORT_HOUR.sub(r"0\1:", text.strip())
    words = written.casefold()
    try:
        found = _epoch(words) or _ago(words, wall) or _of_a_day(words, wall, not_before) or _iso(written)
    except (ValueError, OverflowError, OSError):
        found = None
    if found is None:
        raise CommandError(
            f"{text!r} is no time",
            "write 14:03, `yesterday 14:03`, `2026-11-26 14:03`, 1h30m for so long ago, or 1795701780",
            MISUSED,
        )
    return int(found[0] // 1)


def parse_span(text: str) -> float:
    """Return how many seconds `30m`, `1h30m` or `2 d` are; raises `CommandError`."""
    seconds = _span(text.strip().casefold())
    if not seconds:
        raise CommandError(f"{text!r} is no span of time", "write 30m, 1h30m or 2d", MISUSED)
    return seconds


def _span(text: str) -> float | None:
    parts = [*_SPAN.finditer(text)]
    if not text or not text.isascii() or "".join(part[0] for part in parts) != text:
        return None
    return sum(float(part[1]) * _SECONDS[part[2] if part[2] == "ms" else part[2][0]] for part in parts)


def _epoch(text: str) -> tuple[float] | None:
    return (float(text),) if _EPOCH.fullmatch(text) else None


def _ago(text: str, now: float) -> tuple[float] | None:
    seconds = _span(text.removesuffix("ago").strip())
    return None if seconds is None else (now - seconds,)


def _of_a_day(text: str, now: float, not_before: float | None) -> tuple[float] | None:
    """Return the moment of `now`, of a day's name, of a time of day, or of both."""
    if text == "now":
        return (now,)
    name, _, rest = text.partition(" ")
    today = datetime.fromtimestamp(now).date()  # noqa: DTZ006 - this host's day is meant
    if name in _DAYS:
        return (_at(today - timedelta(days=_DAYS[name]), rest.strip() or "00:00"),)
    if ":" not in text or "-" in text or "t" in text:
        return None
    if not_before is not None:
        day = datetime.fromtimestamp(not_before).date()  # noqa: DTZ006 - likewise
        found = _at(day, text)
        return (found if found >= not_before else _at(day + timedelta(days=1), text),)
    found = _at(today, text)
    return (found if found <= now + _A_MINUTE else _at(today - timedelta(days=1), text),)


def _at(day: date, text: str) -> float:
    return datetime.combine(day, time_of_day.fromisoformat(text)).timestamp()


def _iso(text: str) -> tuple[float] | None:
    """Return a moment of ISO 8601, with or without a zone; `UTC` is one, too."""
    if not text.isascii():
        return None
    if text.isdigit() and len(text) != len("20261126"):
        return None
    if text[-4:].upper() == " UTC":
        text = f"{text[:-4]}+00:00"
    return (datetime.fromisoformat(text).timestamp(),)
