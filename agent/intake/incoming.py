"""Files in `incoming/`: what was put there while no daemon answered, and what still is put there.

The kernel says when a file arrives (dnotify, a signal into the pipe that the main thread waits on
anyway): no thread, no polling. Each file is guarded by itself: whatever is in one, it is taken in or
refused, and the others are taken in.
"""

import fcntl
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

from agent.events.capture import Capture
from agent.events.identity import Identity
from agent.http.budget import Budget
from agent.intake.dialect import Parsed, Problem
from spool import Spool, SpoolError

log = logging.getLogger(__name__)

ARRIVED = signal.SIGIO
_EVENTS_AT_ONCE, _BYTES_AT_ONCE = 500, 256 * 1024
"""After so many, what was read goes to the disk before more is read: an event holds the bytes of its file."""
_FEW = 200
_SHARE_SECONDS = 5.0
"""So long a file waits until large posts are done; then it is read all the same, being one at a time."""


class IncomingFiles:
    """Takes files in `incoming/` into the spool; for one thread."""

    def __init__(
        self,
        spool: Spool,
        capture: Capture,
        parse: Callable[[bytes, Identity], Parsed],
        has_room: Callable[[int], bool] = lambda _: True,
        budget: Budget | None = None,
    ) -> None:
        self._spool = spool
        self._capture = capture
        self._parse = parse
        self._has_room = has_room
        self._budget = budget or Budget()
        self._watched: int | None = None
        self._is_told = False
        self.is_waiting = False
        """Whether some found no room at the last look."""

    def watch(self, directory: Path) -> None:
        """Have `ARRIVED` raised for every file from now on; without it they wait for the next look."""
        try:
            self._watched = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.fcntl(self._watched, fcntl.F_NOTIFY, fcntl.DN_RENAME | fcntl.DN_MULTISHOT)
        except OSError as error:
            log.info("cannot watch %s, it is looked at once an hour: %s", directory, error)

    def are_few(self) -> bool:
        """Return whether nothing lies there but a few files: even to set all of them aside takes no time that counts."""
        return self._spool.incoming.are_few(_FEW)

    def take(self, most_seconds: float = math.inf) -> int:
        """Take in what lies there, for about so long at most, and return how many events that was."""
        until = time.monotonic() + most_seconds
        self._is_told, self.is_waiting = self.is_waiting, False
        count = size = 0
        identity = self._capture.identity_now  # one for all that is kept together
        group: dict[str, Parsed] = {}
        for name, body in self._spool.incoming.waiting():
            if time.monotonic() >= until:
                break
            parsed = self._read(name, body, identity)
            if parsed is None:
                continue
            group[name] = parsed
            size += len(body)
            if sum(held.count for held in group.values()) >= _EVENTS_AT_ONCE or size >= _BYTES_AT_ONCE:
                count += self._keep(group, identity)
                identity, group, size = self._capture.identity_now, {}, 0
        return count + self._keep(group, identity)

    def close(self) -> None:
        """Stop watching."""
        if self._watched is not None:
            os.close(self._watched)
            self._watched = None

    def _wait(self, name: str, error: SpoolError) -> None:
        """Leave a file where it is; of many that find no room one is named in the log, until all had some."""
        if not self._is_told:
            log.warning("incoming/%s waits: %s", name, error)
        self._is_told = self.is_waiting = True

    def _read(self, name: str, body: bytes, identity: Identity) -> Parsed | None:
        """Return what a file holds, or None when it was refused."""
        try:
            with self._budget.work(len(body), _SHARE_SECONDS) or nullcontext():
                return self._parse(body, identity)
        except Problem as problem:
            reason = str(problem)
        except Exception as error:
            log.exception("incoming/%s could not be read", name)
            reason = f"it could not be read: {type(error).__name__}"
        log.warning("incoming/%s is refused: %s", name, reason)
        self._spool.incoming.refuse(name, reason)
        return None

    def _keep(self, group: Mapping[str, Parsed], identity: Identity) -> int:
        """Put files on disk together; where that fails, each by itself, so that one keeps no other from it."""
        if not group:
            return 0
        events = [event for held in group.values() for event in held.events]
        items = [items for held in group.values() for items in held.items]
        try:
            self._capture.keep_posted(events, identity, list(group), self._has_room, items)
        except Exception as error:
            if len(group) > 1:
                return sum(self._keep({name: held}, identity) for name, held in group.items())
            (name,) = group
            if isinstance(error, SpoolError):
                self._wait(name, error)
                return 0
            log.exception("incoming/%s could not be kept", name)
            self._spool.incoming.refuse(name, f"it could not be kept: {type(error).__name__}")
            return 0
        self._spool.incoming.finish(list(group))
        return sum(held.count for held in group.values())
