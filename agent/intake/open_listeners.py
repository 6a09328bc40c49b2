"""Everything this agent listens on: opened and closed by the configuration, and tried again when it is taken.

An address that cannot be had is one line in the log and a word in `status`; it never stops a start.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

log = logging.getLogger(__name__)


class Listener(Protocol):
    """A socket and its threads, between start and stop."""

    @property
    def address(self) -> str:
        """Return where it listens, as people write it."""
        ...

    def start(self) -> None:
        """Begin to accept; raises `OSError` when the address cannot be had."""
        ...

    def stop(self) -> None:
        """Stop accepting and end what is under way."""
        ...

    def is_alive(self) -> bool:
        """Return whether it still accepts."""
        ...


class Wanted(msgspec.Struct, frozen=True):
    """A listener that the configuration asks for; it is made anew when its settings change."""

    name: str
    """As the configuration calls it: `socket`, `http`, `sensu.api`."""
    settings: object
    make: Callable[[], Listener]


class Listening(msgspec.Struct, frozen=True):
    """Where a listener listens, or why it does not: then `problem` is not empty."""

    address: str
    problem: str = ""


class _Open(msgspec.Struct):
    """What listens, and for what; or why it does not."""

    wanted: Wanted
    listener: Listener
    problem: str = ""


class OpenListeners:
    """The listeners by their names. One thread changes them, any may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}

    def reconfigure(self, wanted: Sequence[Wanted]) -> None:
        """Close what is not wanted any more or not in this way, and open what is new or could not be had."""
        asked = {one.name: one for one in wanted}
        for name, found in list(self._open.items()):
            if name not in asked or asked[name].settings != found.wanted.settings:
                self._close(name)
        self.try_again()
        for name, one in asked.items():
            if name not in self._open:
                made = _Open(one, one.make())
                self._begin(made)
                with self._lock:
                    self._open[name] = made

    def try_again(self) -> None:
        """Open what could not be opened before."""
        for found in self._open.values():
            if found.problem:
                self._begin(found)

    @property
    def has_problems(self) -> bool:
        """Return whether something does not listen that should."""
        return any(found.problem for found in self._open.values())

    def states(self) -> dict[str, Listening]:
        """Return what listens where; for any thread."""
        with self._lock:
            found = dict(self._open)
        return {name: Listening(one.listener.address, one.problem) for name, one in found.items()}

    def is_alive(self) -> bool:
        """Return whether everything that was opened still accepts."""
        with self._lock:
            return all(found.problem or found.listener.is_alive() for found in self._open.values())

    def stop(self) -> None:
        """Close everything."""
        for name in list(self._open):
            self._close(name)

    def _close(self, name: str) -> None:
        with self._lock:
            found = self._open.pop(name)
        if not found.problem:
            found.listener.stop()
            log.info("%s: %s is closed", name, found.listener.address)

    @staticmethod
    def _begin(found: _Open) -> None:
        name, address = found.wanted.name, found.listener.address
        before = found.problem
        try:
            found.listener.start()
        except OSError as error:
            found.problem = _words(error)
            if found.problem != before:
                log.error("%s: cannot listen at %s: %s; trying again", name, address, found.problem)  # noqa: TRY400 - made for people
        else:
            found.problem = ""
            log.info("%s: listening at %s", name, address)


def _words(error: OSError) -> str:
    """Return the system's word for it, without the address that is told beside it."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error)
