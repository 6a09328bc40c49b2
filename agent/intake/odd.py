"""Who is told of a body that raised what nobody foresaw: by where it came in, itself, and what it raised."""

from collections.abc import Callable

Odd = Callable[[str, bytes, Exception], None]
"""It never raises, and any thread may call it."""


def ignored(where: str, body: bytes, error: Exception) -> None:
    """Tell nobody."""
