"""The Retry-After header as seconds: what the other side asked for, believable or not."""

from datetime import UTC


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return a Retry-After header in seconds from `now` (RFC 9110, 10.2.3), or None when it says nothing."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value[:20])
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError, TypeError):
        return None
