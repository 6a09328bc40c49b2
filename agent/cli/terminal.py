"""The last gate to a terminal: whatever a command prints, no character in it moves a cursor or changes a colour.

Names of files, titles of events and answers of receivers are foreign text. Commands make single values printable
where they set lines; this catches what they miss. What colours by itself writes to the stream below.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from collectors._portable import printable_lines


class Printable:
    """A stream that passes on what is printable; newlines and tabs are."""

    def __init__(self, below: TextIO) -> None:
        self.below = below

    def write(self, text: str) -> int:
        """Write `text`, with escapes in place of what a terminal would obey; return its length."""
        self.below.write(printable_lines(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)


@contextmanager
def printable_streams() -> Iterator[None]:
    """Let everything pass the gate meanwhile."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, Printable(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def coloured(stream: TextIO) -> TextIO:
    """Return the stream below the gate, for what has made its text printable and colours it."""
    return stream.below if isinstance(stream, Printable) else stream
