"""What a collector is: the contract of its life cycle. Start here to write one.

A collector answers "what happened on this host?" for one kind of fact. It knows no other collector,
no disk format and no network: it is lent a `Runtime`, reads the host, and emits.

The contract:

1. A collector is made with its configuration and touches nothing until `run`.
2. `run` owns the calling thread until `runtime.stop` is set, then returns within a second (the host
   collector may use up to five to tell a shutdown). Threads it starts itself end before it returns.
3. It raises `NotApplicable` when this host has nothing for it: quiet, shown by `status`. Any other
   exception makes the supervisor start `run` again, with backoff, on a new `Runtime`.
4. Signals of the OS are hints. The truth is the comparison of what is with `runtime.memory`; signal
   and reconcile go through the same compare-and-emit, so nothing is told twice, and what happened
   while nobody looked is told at the next start.
5. Memory advances only by `emit`, which commits the events and what to remember of them together,
   and returns when both are on disk. It raises `NotKept` when the spool takes nothing now: remember
   nothing, compare again later; and `Retired` when this run has been replaced: return at once.
6. First sight (no memory) is a silent baseline: emit what to remember and no events.
7. What cannot be read is reported as unreadable or not at all, never as gone.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from collectors._origin.actor import NoWitnesses, Witnesses
from collectors._regular import IsOwn
from collectors.event import Event

ConfigT_co = TypeVar("ConfigT_co", covariant=True)
T = TypeVar("T")


class Duration(float):
    """Seconds; in the configuration `250ms`, `30s`, `5m`, `12h`, `7d`."""

    __slots__ = ()


class Size(int):
    """Bytes; in the configuration `900KiB`, `512MiB`, `1GiB`."""

    __slots__ = ()


Remember = Mapping[str, bytes | None]
"""What a collector wants remembered, by its own keys; None forgets a key."""
Texts = Mapping[str, bytes | None]
"""What it wants remembered beside those keys and can do without: it may be gone when it is asked for.

A key that is forgotten takes its text along.
"""
NO_TEXTS: Texts = MappingProxyType({})


class CollectorError(Exception):
    """A collector's trouble; `hint` tells the operator what to do."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint


class NotApplicable(CollectorError):  # noqa: N818 - a state of the host, not an error of anybody
    """This host has nothing for this collector (no systemd, no dpkg, a container without an init)."""


class NotKept(CollectorError):  # noqa: N818 - what became of the events
    """The spool takes nothing at the moment; nothing was remembered, compare again later."""


class MemoryLost(CollectorError):  # noqa: N818 - what became of the memory
    """What was remembered turned out to be damaged, and was forgotten: let it through, the next run begins with a baseline."""


class Retired(CollectorError):  # noqa: N818 - what became of the run
    """This run was replaced by a newer one; nothing was kept, return at once."""


def _never(*_: os.stat_result) -> bool:
    return False


class Memory(Protocol):
    """What this collector asked to have remembered, as of the last committed `emit`.

    Keys that begin alike up to a `//` in them are a group, whose rows are verified together when one of them is asked for;
    all groups have to lie beside each other in the order of the keys. Damage that is found on the way raises `MemoryLost`.
    """

    def get(self, key: str) -> bytes | None:
        """Return the value of one key, or None."""
        ...

    def items(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield every key with this prefix and its value, in key order, without holding them all."""
        ...

    def text(self, key: str) -> bytes | None:
        """Return the text beside one key, or None where there is none (any more)."""
        ...

    def has_room(self, more_bytes: int) -> bool:
        """Return whether so much more may be remembered; beyond that, what is new is left out."""
        ...


def recall(remembered: bytes | None, kind: type[T]) -> T | None:
    """Return what was remembered as JSON of a type; None where nothing was, or nothing that makes sense any more."""
    if remembered is None:
        return None
    try:
        return msgspec.json.decode(remembered, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class Emit(Protocol):
    """Keep events and what to remember of them in one transaction; on disk when it returns."""

    def __call__(self, events: Sequence[Event], remember: Remember, texts: Texts = NO_TEXTS, /) -> None:
        """Raise `NotKept` or `Retired` when nothing was kept."""
        ...


class Stamp(Protocol):
    """One small value beside the memory, written in place: a page and a sync, where an `emit` costs several pages.

    For what no event depends on and only its age can be missed. What is read may be older than what was written last, or None.
    """

    def read(self) -> bytes | None:
        """Return the newest value that is whole."""
        ...

    def write(self, value: bytes, /) -> None:
        """Have `value` on disk when this returns; raise `NotKept` or `Retired` where it is not."""
        ...


class NoStamp:
    """Where there is no place for one: what was to be stamped has to be remembered."""

    def read(self) -> bytes | None:
        """Return nothing."""
        return None

    def write(self, _: bytes, /) -> None:
        """Raise `NotKept`."""
        raise NotKept("there is no place for a stamp")


class Stop(Protocol):
    """The request to end: set once, never unset."""

    def is_set(self) -> bool:
        """Return whether the run is to end."""
        ...

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until set (True) or until the time is over (False)."""
        ...

    def fileno(self) -> int:
        """Return a descriptor that polls readable from the moment this is set."""
        ...


class Absence(msgspec.Struct):
    """Whether the agent was not running for some of the time since a collector last compared everything.

    It lasts from a start of the agent until a run of the collector has compared everything and kept it, and sets this.
    """

    lasts: bool = True


class Runtime(msgspec.Struct, frozen=True):
    """What the agent lends to one run of a collector."""

    memory: Memory
    emit: Emit
    stop: Stop
    report: Callable[[str], None]
    """Tell `status` in a few words what this collector is at, as "watching 312 files": the same words for any number, as scripts match them."""
    flush: Callable[[float], None]
    """Wait until everything emitted was sent once, for at most so many seconds."""
    leave_out: frozenset[tuple[int, int]] = frozenset()
    """(st_dev, st_ino) of directories nobody may look into: the agent's own spool."""
    is_own: IsOwn = _never
    """Whether one of some files is the agent's own, by their statuses: no collector may open those, whatever name leads there."""
    witnesses: Witnesses = NoWitnesses("nobody looks")
    """Who saw which process changed what."""
    stamp: Stamp = NoStamp()
    """What this collector stamps beside its memory."""
    absence: Absence = msgspec.field(default_factory=Absence)
    """Lent to one run of it after the other: what is found while it lasts happened while the agent was not running."""


class RunState(StrEnum):
    """How something is that a collector watches."""

    UP = "up"
    DOWN = "down"
    FAILED = "failed"
    FLAPPING = "flapping"
    """It keeps ending and starting again."""


class Condition(msgspec.Struct, frozen=True):
    """How one thing is, by the name that its events have."""

    name: str
    state: RunState


class Collector(Protocol):
    """One source of facts; see the contract above."""

    def run(self, runtime: Runtime) -> None:
        """Watch the host and emit what happened, until `runtime.stop`."""
        ...


class Scoped(msgspec.Struct, Generic[ConfigT_co], frozen=True):
    """One entry of the configuration, with the tags and identifiers of the file it stands in."""

    config: ConfigT_co
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()


def united(lists: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return what several entries say, as their tags: each value once, in order."""
    return tuple(dict.fromkeys(value for values in lists for value in values))


class Registration(msgspec.Struct, frozen=True):
    """How a collector is configured and made.

    `entry` is the type of one entry of its key in conf.d, `many` whether that key holds a list of
    them. One with a `default` runs without any configuration, unless agent.yaml says `<name>: false`.
    """

    entry: type[msgspec.Struct]
    create: Callable[[Sequence[Scoped[Any]]], Collector]
    many: bool = False
    default: msgspec.Struct | None = None
    limit: Callable[[Any, Any], Any] | None = None
    """Given an entry and the most of a diff that any may have (`never`, `strict`, `auto`, `always`): the entry within it."""
    find_doubts: Callable[[Sequence[Scoped[Any]], Path], Iterable[str]] | None = None
    """Given the entries and the root of a host: what they say that can never come true there, each in a sentence."""
    read_conditions: Callable[[Memory], Iterable[Condition]] | None = None
    """Given what is remembered: how each thing is that the collector watches."""
