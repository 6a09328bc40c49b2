"""What a package manager's database is to the collector, whichever manager it is."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

Signature = tuple[int, ...]
"""What tells an unchanged database from a changed one without reading it."""

ANY_TIME = (1 << 63) - 1
"""What is kept of a file's time in nanoseconds: some file systems hold years that 64 bits do not."""

Packages = Mapping[str, tuple[str, ...]]
"""`name:architecture` -> versions, usually one; rpm keeps several kernels side by side."""


class DatabaseError(Exception):
    """The database cannot be read now; nothing may be concluded from it."""


class Moment(msgspec.Struct, frozen=True):
    """When something about a package happened, and what says so."""

    seconds: int
    evidence: str


class Database(Protocol):
    """One package manager's own record of what is installed."""

    @property
    def manager(self) -> str:
        """Return the manager's name, as in the event."""
        ...

    @property
    def directory(self) -> Path:
        """Return the directory whose entries change with every transaction."""
        ...

    @property
    def odd(self) -> Mapping[str, Exception]:
        """Return why packages of the last `read` could not be read, by name; nothing may be concluded of these."""
        ...

    def exists(self) -> bool:
        """Return whether this host has it."""
        ...

    def is_locked(self) -> bool:
        """Return whether a transaction is under way."""
        ...

    def signature(self) -> Signature:
        """Return its signature; raises `DatabaseError`."""
        ...

    def read(self) -> Packages:
        """Return what is installed; raises `DatabaseError`."""
        ...

    def compare(self, one: str, other: str) -> int:
        """Return less than, equal to or greater than 0, as the manager orders versions."""
        ...

    def moments(self, keys: Iterable[str]) -> Mapping[str, Moment]:
        """Return when each of these packages last changed, as far as something says so."""
        ...
