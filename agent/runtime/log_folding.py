"""A log in which the same trouble said again and again takes two lines: the first, and how often it was repeated.

What was repeated is told when a minute has passed and the next line comes, and at the end: nothing here wakes up by
itself. Ordinary messages are never folded, nor what answers a person who asked for something (`ASKED`).
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import TextIO

import msgspec

FOLD_SECONDS = 60.0
_REMEMBERED = 64
"""So many different messages; beyond that the oldest is told and forgotten."""
ASKED: Mapping[str, bool] = {"asked": True}
"""The `extra` of a record that somebody waits for."""


class _Repeated(msgspec.Struct):
    """A line that came again, since when, and how often."""

    record: logging.LogRecord
    since: float
    count: int = 0


class FoldingStream(logging.StreamHandler[TextIO]):
    """Writes to a stream, and folds warnings and errors."""

    def __init__(self, stream: TextIO, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._monotonic = monotonic
        self._recent: dict[tuple[int, str], _Repeated] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it where the same was written within the last minute."""
        now = self._monotonic()
        for key, known in [*self._recent.items()]:
            if now - known.since >= FOLD_SECONDS:
                self._tell(key)
        if record.levelno < logging.WARNING or getattr(record, "asked", False):
            super().emit(record)
            return
        key = (record.levelno, _what(record))
        if key in self._recent:
            self._recent[key].count += 1
            return
        if len(self._recent) >= _REMEMBERED:
            self._tell(next(iter(self._recent)))
        self._recent[key] = _Repeated(record, now)
        super().emit(record)

    def close(self) -> None:
        """Tell what was repeated, and end."""
        self.acquire()
        try:
            for key in [*self._recent]:
                self._tell(key)
        finally:
            self.release()
        super().close()

    def _tell(self, key: tuple[int, str]) -> None:
        known = self._recent.pop(key)
        if not known.count:
            return
        times = "once more" if known.count == 1 else f"{known.count} times"
        text = f"{known.record.getMessage()} … repeated {times}"
        told = logging.LogRecord(known.record.name, known.record.levelno, "", 0, text, None, None)
        super().emit(told)


def _what(record: logging.LogRecord) -> str:
    """Return what a record says; another exception under the same words is another message."""
    error = record.exc_info[1] if record.exc_info else None
    return f"{record.name}: {record.getMessage()}: {error!r}"
