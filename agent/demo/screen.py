"""How the demo looks: what is done on the left, what arrived below it. Writes, and decides nothing."""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, TextIO

from agent.cli.terminal import LostOutputError, coloured
from agent.stand_in import Received
from collectors._portable import printable

_PLAIN, _BOLD, _FAINT = "0", "1", "2"
_RED, _GREEN, _YELLOW, _CYAN = "31", "32", "33", "36"
_MOST_DIFF_LINES = 12


class Screen:
    """Where the demo tells its story; events arrive from another thread than what is done."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = coloured(stream or sys.stdout)
        self._colours = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._lock = Lock()

    def title(self, text: str) -> None:
        """Say what this is."""
        self._write("", self._in(_BOLD, text))

    def done(self, text: str) -> None:
        """Say what is being done on the host."""
        self._write("", f"{self._in(_CYAN, '▶')} {self._in(_BOLD, text)}")

    def note(self, text: str) -> None:
        """Say what follows from it."""
        self._write(f"  {self._in(_YELLOW, text)}")

    def aside(self, *lines: str) -> None:
        """Say what is good to know."""
        self._write(*(f"  {self._in(_FAINT, line)}" for line in lines))

    def arrived(self, received: Received, late_seconds: float | None) -> None:
        """Show an event that the receiver has accepted."""
        when = time.strftime("%H:%M:%S")
        late = f" {late_seconds:.0f} s later" if late_seconds is not None and late_seconds >= 1 else ""
        kind = printable(received.event_type or received.name)
        head = f"  {self._in(_GREEN, '✔')} {self._in(_FAINT, when)} {kind}{late}: "
        self._write(head + printable(received.title), *self._diff(received.event))

    def _diff(self, event: Mapping[str, Any]) -> Iterable[str]:
        context = event.get("context", {})
        data = context.get("data", {}) if isinstance(context, dict) else {}
        diff = str(data.get("diff") or "").removesuffix("\n") if isinstance(data, dict) else ""
        for line in diff.split("\n")[:_MOST_DIFF_LINES] if diff else ():
            colour = {"+": _GREEN, "-": _RED, "@": _FAINT}.get(line[:1], _PLAIN)
            yield f"      {self._in(colour, printable(line))}"

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text

    def _write(self, *lines: str) -> None:
        try:
            with self._lock:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
        except OSError as error:
            raise LostOutputError(error) from None
