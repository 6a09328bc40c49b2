"""What was put into `incoming/` while no daemon answered, and what still is put there.

The kernel says when a file arrives (dnotify, a signal into the pipe that the main thread waits on
anyway): no thread, no polling.
"""

import fcntl
import logging
import os
import signal
from pathlib import Path

from agent.capture import Capture
from agent.chunk import Captured
from agent.intake.posted import PostedError, parse
from spool import Spool, SpoolError

log = logging.getLogger(__name__)

ARRIVED = signal.SIGIO
_AT_ONCE = 500


class LeftBehind:
    """Takes files in `incoming/` into the spool; for one thread."""

    def __init__(self, spool: Spool, capture: Capture) -> None:
        self._spool = spool
        self._capture = capture
        self._watched: int | None = None

    def watch(self, directory: Path) -> None:
        """Have `ARRIVED` raised for every file from now on; without it they wait for the next look."""
        try:
            self._watched = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.fcntl(self._watched, fcntl.F_NOTIFY, fcntl.DN_RENAME | fcntl.DN_MULTISHOT)
        except OSError as error:
            log.info("%s is looked at now and then only: %s", directory, error)

    def take(self) -> int:
        """Take in what lies there and return how many events that was."""
        count = 0
        captured: list[Captured] = []
        taken: list[str] = []
        for name, body in self._spool.incoming():
            try:
                captured += parse(body, self._capture.identity)
            except PostedError as error:
                log.warning("incoming/%s is refused: %s", name, error)
                self._spool.refuse_incoming(name, str(error))
                continue
            taken.append(name)
            if len(captured) >= _AT_ONCE:
                count += self._keep(captured, taken)
                captured, taken = [], []
        return count + self._keep(captured, taken)

    def close(self) -> None:
        """Stop watching."""
        if self._watched is not None:
            os.close(self._watched)
            self._watched = None

    def _keep(self, captured: list[Captured], taken: list[str]) -> int:
        if not taken:
            return 0
        try:
            self._capture.keep_posted(captured, taken)
        except SpoolError as error:
            log.warning("incoming/ waits: %s", error)
            return 0
        self._spool.finish_incoming(taken)
        return len(captured)
