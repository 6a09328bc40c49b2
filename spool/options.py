"""What the operator decides about the spool."""

from typing import Literal, NamedTuple

MEBIBYTE = 1024 * 1024
DAY_SECONDS = 86_400.0


class Options(NamedTuple):
    """How large and how old the spool may grow, and what happens then."""

    max_size_bytes: int = 512 * MEBIBYTE
    """The whole directory: database, -wal, rejected, memory, reserve, damaged copies."""
    max_age_seconds: float = 30 * DAY_SECONDS
    keep_delivered_seconds: float = 7 * DAY_SECONDS
    when_full: Literal["drop_oldest", "reject_new"] = "drop_oldest"


DEFAULT_OPTIONS = Options()
