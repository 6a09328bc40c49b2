"""The last gate to whoever reads: whatever a command prints, it can be written, and no terminal obeys it.

Names of files, titles of events and answers of receivers are foreign text. Commands make single values printable
where they set lines; this catches what they miss. A character that the locale cannot write reads as its escape. What
cannot be written at all is a `LostOutputError` for results, and is let go for messages: there is nobody to tell.
What colours by itself writes to the stream below.
"""

import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, TypeVar, cast

from collectors._portable import printable_lines

T = TypeVar("T")

_BEYOND_SHORT = re.compile("[\U00010000-\U0010ffff]")


class LostOutputError(Exception):
    """A result could not be written; `reader_is_gone` where whoever read has seen enough."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the result cannot be written: {error.strerror or error}")
        self.reader_is_gone = isinstance(error, BrokenPipeError)


class Printable:
    """A stream that passes on what is printable; newlines and tabs are."""

    def __init__(self, below: TextIO, *, may_fail: bool = True) -> None:
        self.below = below
        self._may_fail = may_fail
        self._encoding = getattr(below, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write `text`, with escapes in place of what a terminal would obey; return its length."""
        # `print` writes a newline by itself, and a long history has many.
        shown = text if text == "\n" else _encodable(printable_lines(text), self._encoding)
        self._attempt(self.below.write, shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what was held back."""
        self._attempt(self.below.flush)

    def _attempt(self, act: Any, *words: str) -> None:
        try:
            act(*words)
        except OSError as error:
            if self._may_fail:
                raise LostOutputError(error) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)


def _encodable(text: str, encoding: str) -> str:
    """Return `text` with escapes, as JSON has them, in place of what the encoding lacks."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(c if _has(encoding, c) else _json_escape(c) for c in text)
    return text


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def printable_json(text: str) -> str:
    """Return JSON in which the gate changes nothing that would not be the same JSON."""
    return _BEYOND_SHORT.sub(
        lambda found: found[0] if found[0].isprintable() else _json_escape(found[0]), text
    )


class OtherThreads:
    """Lets other threads print: what is lost there ends the main thread's work, which then raises it."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end = end
        self._lost: LostOutputError | None = None

    def guarded(self, show: Callable[[T], object]) -> Callable[[T], None]:
        """Return `show` for another thread: it raises nothing of its output, and asks once for the end instead."""

        def run(one: T) -> None:
            if self._lost is not None:
                return
            try:
                show(one)
            except LostOutputError as error:
                self._lost = error
                self._end()

        return run

    def check(self) -> None:
        """Raise what was lost."""
        if self._lost is not None:
            raise self._lost


def is_reader_gone(within_seconds: float = 0.0) -> bool:
    """Return whether whoever reads our results goes away within so many seconds."""
    waiting = select.poll()
    try:
        waiting.register(sys.stdout.fileno(), 0)  # of an error the kernel tells whatever is asked for
    except (OSError, ValueError):
        time.sleep(within_seconds)
        return False
    return bool(waiting.poll(within_seconds * 1000))


def columns() -> int | None:
    """Return how wide to print: `$COLUMNS`, else the terminal's width; None where there is neither."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


@contextmanager
def printable_streams() -> Iterator[None]:
    """Let everything pass the gate meanwhile."""
    before = sys.stdout, sys.stderr
    sys.stdout = cast(TextIO, Printable(before[0] or _nowhere()))
    sys.stderr = cast(TextIO, Printable(before[1] or _nowhere(), may_fail=False))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        _let_go_of_messages()


def give_up_output(stream: TextIO | None = None) -> None:
    """Let go of what is still held back of a result; the interpreter would complain of it when it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, (stream or sys.stdout).fileno())
        os.close(nowhere)


def _let_go_of_messages() -> None:
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        give_up_output(sys.stderr)


def coloured(stream: TextIO) -> TextIO:
    """Return the stream below the gate, for what has made its text printable and colours it."""
    return stream.below if isinstance(stream, Printable) else stream


def _nowhere() -> TextIO:
    """Return where to write when there is no stream, as after `>&-`."""
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - it is the stream from here on
