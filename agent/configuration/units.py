"""Durations and sizes as people write them, and back. Pure."""

import re

from collectors.collector import Duration, Size

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_WRITTEN = re.compile(r"(?P<number>[0-9]{1,12}(\.[0-9]{1,6})?) ?(?P<unit>[A-Za-z]+)", re.ASCII)
_LONGEST_SECONDS = 100 * 365 * 86400

DURATION_RULE = "must be a duration as 250ms, 30s, 5m, 12h or 7d"
SIZE_RULE = "must be a size as 900KiB, 512MiB or 1GiB"


def parse_duration(text: str) -> Duration:
    """Return the seconds of `text`; only zero needs no unit. Raises `ValueError`."""
    if text == "0":
        return Duration(0)
    seconds = _parse(text, _SECONDS, DURATION_RULE)
    if seconds > _LONGEST_SECONDS:
        raise ValueError("must not be longer than 36500d")
    return Duration(seconds)


def parse_size(text: str) -> Size:
    """Return the bytes of `text`; only zero needs no unit. Raises `ValueError`."""
    return Size(0) if text == "0" else Size(_parse(text, _BYTES, SIZE_RULE))


def _parse(text: str, units: dict[str, float] | dict[str, int], rule: str) -> float:
    written = _WRITTEN.fullmatch(text)
    if written is None or written["unit"] not in units:
        raise ValueError(rule)
    return float(written["number"]) * units[written["unit"]]


def format_duration(seconds: float) -> str:
    """Return `seconds` in the largest unit that keeps it exact."""
    milliseconds = round(seconds * 1000)
    for unit in ("d", "h", "m", "s"):
        of_unit = round(_SECONDS[unit] * 1000)
        if milliseconds and milliseconds % of_unit == 0:
            return f"{milliseconds // of_unit}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def format_size(size: int) -> str:
    """Return `size` in the largest unit that keeps it exact."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"
