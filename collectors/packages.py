"""The `packages` collector: which package went from which version to which, dpkg's and rpm's.

The managers' databases are the truth, compared with the versions remembered; so it tells as well
what happened while nobody looked. It waits until a transaction is over and tells it in one emit. It
must never take an unreadable database for an empty one, and never asks a manager to do anything.
"""

import fnmatch
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from collectors._origin.decide import Origin
from collectors._origin.evidence import Origins
from collectors._packages.comparison import Difference, VersionChange, changes_of, differences
from collectors._packages.database import Database, DatabaseError, Moment, Packages
from collectors._packages.dpkg import Dpkg
from collectors._packages.entry import PackagesConfig
from collectors._packages.events import data_of, version_changed
from collectors._packages.hints import Hints
from collectors._packages.rpm import Rpm
from collectors._troubles import Subject, Troubles
from collectors.collector import NotApplicable, NotKept, Retired, Runtime, Scoped, recall, united
from collectors.event import Event

_LOG = logging.getLogger(__name__)

_QUIET_SECONDS = 0.5
_LONGEST_TRANSACTION_SECONDS = 1800.0
"""A front end that hangs with its lock must not keep what was done from being told."""
_AGAIN_SECONDS = 30.0
_PACKAGES = Subject(
    "package",
    "What becomes of package {} cannot be told",
    "Package {} cannot be compared: {}. Every other package is watched as before.",
    "cannot compare",
)
_UNREADABLE_SECONDS = 300.0
"""When to look again at a database that could not be read, if nothing hints at it before."""


class Known(msgspec.Struct, frozen=True):
    """What is remembered of a database beside its packages."""

    signature: tuple[int, ...]
    looked: int
    count: int


class Looks(msgspec.Struct, frozen=True):
    """What was remembered and what is; `is_whole` unless part of the memory was lost.

    A package that is not in a memory with losses may be new or forgotten: it is learnt in silence.
    """

    before: Packages
    after: dict[str, tuple[str, ...]]
    looked: int
    now: int
    is_whole: bool


class Found(msgspec.Struct, frozen=True):
    """What a look at one database came to: how many packages, or why it could not be read."""

    manager: str
    count: int = 0
    problem: str = ""


class PackageWatch:
    """Compares each database with what is remembered of it, whenever something hints at a change."""

    def __init__(
        self,
        entries: Sequence[Scoped[PackagesConfig]],
        databases: Sequence[Database] | None = None,
        *,
        root: Path = Path("/"),
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        quiet_seconds: float = _QUIET_SECONDS,
        unreadable_seconds: float = _UNREADABLE_SECONDS,
    ) -> None:
        self._entries = tuple(entries)
        self._databases = databases
        self._origins = Origins(root)
        self._wall = wall
        self._clock = clock
        self._quiet_seconds = quiet_seconds
        self._unreadable_seconds = unreadable_seconds

    def run(self, runtime: Runtime) -> None:
        """Tell what changed since the last look, then watch until the stop."""
        candidates = (Dpkg(), Rpm()) if self._databases is None else self._databases
        databases = [database for database in candidates if database.exists()]
        if not databases:
            raise NotApplicable("neither dpkg nor rpm keeps packages on this host")
        troubles = Troubles(runtime.memory, _PACKAGES)
        with Hints(database.directory for database in databases) as hints:
            looked_at: set[str] = set()
            while not runtime.stop.is_set():
                self._settle(runtime, hints, databases)
                if runtime.stop.is_set():
                    return
                try:
                    found = [
                        self._look(
                            runtime,
                            database,
                            troubles,
                            at_start=runtime.absence.lasts and database.manager not in looked_at,
                        )
                        for database in databases
                    ]
                except NotKept:
                    troubles.forgo()
                    hints.wait(runtime.stop, _AGAIN_SECONDS)
                except Retired:
                    return
                else:
                    runtime.report("; ".join(filter(None, (_said(found), troubles.in_words()))))
                    looked_at |= {one.manager for one in found if not one.problem}
                    is_whole = all(not one.problem for one in found)
                    runtime.absence.lasts &= not is_whole
                    hints.wait(runtime.stop, None if is_whole else self._unreadable_seconds)

    def _settle(self, runtime: Runtime, hints: Hints, databases: Sequence[Database]) -> None:
        """Wait until no transaction is under way and nothing moves any more."""
        until = self._clock() + _LONGEST_TRANSACTION_SECONDS
        while not runtime.stop.is_set() and self._clock() < until:
            moving = hints.wait(runtime.stop, self._quiet_seconds)
            if not moving and not any(database.is_locked() for database in databases):
                return
            if moving:
                runtime.stop.wait(self._quiet_seconds / 10)

    def _look(self, runtime: Runtime, database: Database, troubles: Troubles, *, at_start: bool) -> Found:
        """Compare and emit; a database that cannot be read now is left as it is remembered."""
        manager, memory = database.manager, runtime.memory
        known = recall(memory.get(manager), Known)
        try:
            signature = database.signature()
            if known is not None and known.signature == signature:
                return Found(manager, known.count)
            after = dict(database.read())
        except DatabaseError as error:
            return Found(manager, problem=str(error))
        before = {
            key.removeprefix(f"{manager}/"): tuple(value.decode(errors="replace").split("\n"))
            for key, value in memory.items(f"{manager}/")
        }
        now = int(self._wall())
        if troubles.are_any:
            for key in [key for key in after if after[key] == before.get(key)]:
                troubles.over(key)
                troubles.over(key.rpartition(":")[0])
        for name, why in database.odd.items():
            troubles.met(name, why)
        for key in [key for key in before if key.rpartition(":")[0] in database.odd]:
            _leave(Difference(key, key, before[key], ()), after)
        events: list[Event] = []
        if known is not None:
            looks = Looks(before, after, known.looked, now, is_whole=known.count == len(before))
            events = self._events(database, looks, troubles, at_start=at_start)
        remember = _difference(manager, before, after)
        remember[manager] = msgspec.json.encode(Known(signature, now, len(after)))
        runtime.emit([*events, *troubles.news(now)], remember | troubles.to_remember())
        troubles.kept()
        return Found(manager, len(after))

    def _events(self, database: Database, looks: Looks, troubles: Troubles, *, at_start: bool) -> list[Event]:
        """Return what is to be told; a package that makes trouble is left in `looks.after` as it was before."""
        found: list[tuple[Difference, list[VersionChange]]] = []
        for one in differences(looks.before, looks.after):
            with _leaving(one, looks.after, troubles):
                if self._meant_by(one.key):
                    possible = changes_of(one, database.compare)
                    found.append((one, [change for change in possible if change.old or looks.is_whole]))
        self._origins.forget()
        moments = _moments(database, [one.key for one, _ in found])
        events: list[Event] = []
        for one, made in found:
            with _leaving(one, looks.after, troubles):
                events += [
                    self._event(change, database.manager, moments.get(change.key), looks, at_start=at_start)
                    for change in made
                ]
        return sorted(events, key=lambda event: event.timestamp)

    def _meant_by(self, key: str) -> list[Scoped[PackagesConfig]]:
        name = key.rpartition(":")[0]
        return [
            entry
            for entry in self._entries
            if any(fnmatch.fnmatchcase(name, glob) for glob in entry.config.names)
        ]

    def _event(
        self, change: VersionChange, manager: str, moment: Moment | None, looks: Looks, *, at_start: bool
    ) -> Event:
        entries = self._meant_by(change.key)
        data = data_of(change, manager, moment, at_start=at_start)
        if moment is not None and looks.looked <= moment.seconds <= looks.now:
            name = change.key.rpartition(":")[0]
            data |= self._origins.of_package(name, change.new or change.old, moment.seconds).as_data()
        else:  # nothing of this change says when it was, and so by whom
            data |= Origin().as_data()
        return version_changed(
            change,
            min(max(moment.seconds if moment else looks.now, looks.looked), looks.now),
            data,
            tags=united(entry.tags for entry in entries),
            element_identifiers=united(entry.element_identifiers for entry in entries),
        )


def _said(found: Sequence[Found]) -> str:
    """Return the words for `status`: what is watched first, then what cannot be read."""
    read = [f"{one.count} packages of {one.manager}" for one in found if not one.problem]
    problems = [f"{one.manager}: {one.problem}" for one in found if one.problem]
    watching = [f"watching {' and '.join(read)}"] if read else []
    return "; ".join([*watching, *problems])


@contextmanager
def _leaving(one: Difference, after: dict[str, tuple[str, ...]], troubles: Troubles) -> Iterator[None]:
    """Keep the trouble that one package makes to that package: it stays as it is remembered, and is compared again."""
    with troubles.guarded(one.key):
        yield
    if one.key in troubles:
        _leave(one, after)


def _leave(one: Difference, after: dict[str, tuple[str, ...]]) -> None:
    after.pop(one.key, None)
    if one.old:
        after[one.was] = one.old


def _moments(database: Database, keys: Sequence[str]) -> Mapping[str, Moment]:
    """Return what says when; a log that makes trouble says nothing, and the changes are told all the same."""
    try:
        return database.moments(keys) if keys else {}
    except Exception as error:  # noqa: BLE001 - a log may hold anything
        _LOG.warning("%s: when packages changed cannot be read: %s", database.manager, type(error).__name__)
        return {}


def _difference(manager: str, before: Packages, after: Packages) -> dict[str, bytes | None]:
    return {
        f"{manager}/{key}": "\n".join(after[key]).encode() if key in after else None
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
