"""The `packages` collector: which package went from which version to which, dpkg's and rpm's.

The managers' databases are the truth, compared with the versions remembered; so it tells as well
what happened while nobody looked. It waits until a transaction is over and tells it in one emit. It
must never take an unreadable database for an empty one, and never asks a manager to do anything.
"""

import fnmatch
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from collectors._packages.comparison import VersionChange, changes
from collectors._packages.database import Database, DatabaseError, Packages
from collectors._packages.dpkg import Dpkg
from collectors._packages.hints import Hints
from collectors._packages.rpm import Rpm
from collectors.collector import NotApplicable, NotKept, Registration, Retired, Runtime, Scoped, recall
from collectors.event import Category, Event, Value

_QUIET_SECONDS = 0.5
_LONGEST_TRANSACTION_SECONDS = 1800.0
"""A front end that hangs with its lock must not keep what was done from being told."""
_MOST_CHARACTERS = 500
_AGAIN_SECONDS = 30.0
_UNREADABLE_SECONDS = 300.0
"""When to look again at a database that could not be read, if nothing hints at it before."""


class PackagesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which packages an entry means."""

    names: tuple[Annotated[str, msgspec.Meta(min_length=1, description="a name, as nginx or php*")], ...] = (
        "*",
    )
    """Packages by glob, as `nginx` or `php*`."""


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
    after: Packages
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
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        quiet_seconds: float = _QUIET_SECONDS,
        unreadable_seconds: float = _UNREADABLE_SECONDS,
    ) -> None:
        self._entries = tuple(entries)
        self._databases = databases
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
        with Hints(database.directory for database in databases) as hints:
            looked_at: set[str] = set()
            while not runtime.stop.is_set():
                self._settle(runtime, hints, databases)
                if runtime.stop.is_set():
                    return
                try:
                    found = [
                        self._look(runtime, database, at_start=database.manager not in looked_at)
                        for database in databases
                    ]
                except NotKept:
                    hints.wait(runtime.stop, _AGAIN_SECONDS)
                except Retired:
                    return
                else:
                    runtime.report(_said(found))
                    looked_at |= {one.manager for one in found if not one.problem}
                    is_whole = all(not one.problem for one in found)
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

    def _look(self, runtime: Runtime, database: Database, *, at_start: bool) -> Found:
        """Compare and emit; a database that cannot be read now is left as it is remembered."""
        manager, memory = database.manager, runtime.memory
        known = recall(memory.get(manager), Known)
        try:
            signature = database.signature()
            if known is not None and known.signature == signature:
                return Found(manager, known.count)
            after = database.read()
        except DatabaseError as error:
            return Found(manager, problem=str(error))
        before = {
            key.removeprefix(f"{manager}/"): tuple(value.decode(errors="replace").split("\n"))
            for key, value in memory.items(f"{manager}/")
        }
        now = int(self._wall())
        events: list[Event] = []
        if known is not None:
            looks = Looks(before, after, known.looked, now, is_whole=known.count == len(before))
            events = self._events(database, looks, at_start=at_start)
        remember = _difference(manager, before, after)
        remember[manager] = msgspec.json.encode(Known(signature, now, len(after)))
        runtime.emit(events, remember)
        return Found(manager, len(after))

    def _events(self, database: Database, looks: Looks, *, at_start: bool) -> list[Event]:
        found = [
            change
            for change in changes(looks.before, looks.after, database.compare)
            if self._meant_by(change.key) and (change.old or looks.is_whole)
        ]
        moments = database.moments([change.key for change in found]) if found else {}
        events = []
        for change in found:
            moment = moments.get(change.key)
            seconds = min(max(moment.seconds if moment else looks.now, looks.looked), looks.now)
            data = _data(change, database.manager)
            if moment is not None:
                data["time_from"] = moment.evidence
            if at_start:
                data["while_agent_down"] = True
            events.append(self._event(change, seconds, data))
        return sorted(events, key=lambda event: event.timestamp)

    def _meant_by(self, key: str) -> list[Scoped[PackagesConfig]]:
        name = key.rpartition(":")[0]
        return [
            entry
            for entry in self._entries
            if any(fnmatch.fnmatchcase(name, glob) for glob in entry.config.names)
        ]

    def _event(self, change: VersionChange, seconds: int, data: Mapping[str, Value]) -> Event:
        name = _cut(change.key.rpartition(":")[0])
        entries = self._meant_by(change.key)
        title = _title(name, change)
        return Event(
            name="package",
            event_type="VersionChangedEvent",
            category=Category.DEPLOYMENTS,
            title=title,
            text=f"{title}, by {data['manager']} ({data['architecture']}).",
            timestamp=seconds,
            data=data,
            tags=_united([f"package:{name}"], *(entry.tags for entry in entries)),
            element_identifiers=_united(*(entry.element_identifiers for entry in entries)),
        )


def _said(found: Sequence[Found]) -> str:
    """Return the words for `status`: what is watched first, then what cannot be read."""
    read = [f"{one.count} packages of {one.manager}" for one in found if not one.problem]
    problems = [f"{one.manager}: {one.problem}" for one in found if one.problem]
    watching = [f"watching {' and '.join(read)}"] if read else []
    return "; ".join([*watching, *problems])


def _difference(manager: str, before: Packages, after: Packages) -> dict[str, bytes | None]:
    return {
        f"{manager}/{key}": "\n".join(after[key]).encode() if key in after else None
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }


def _cut(text: str) -> str:
    """Return a name or a version as long as an event can hold: a database may say anything."""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}… (cut)"


def _data(change: VersionChange, manager: str) -> dict[str, Value]:
    name, _, architecture = change.key.rpartition(":")
    return {
        "package": _cut(name),
        "old_version": _cut(change.old) or None,
        "new_version": _cut(change.new) or None,
        "action": change.action,
        "manager": manager,
        "architecture": _cut(architecture),
    }


def _title(name: str, change: VersionChange) -> str:
    match change.action:
        case "installed":
            return f"{name} {_cut(change.new)} installed"
        case "removed":
            return f"{name} {_cut(change.old)} removed"
        case action:
            return f"{name} {action} from {_cut(change.old)} to {_cut(change.new)}"


def _united(*lists: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for items in lists for item in items))


def create(entries: Sequence[Scoped[Any]]) -> PackageWatch:
    """Make the collector."""
    return PackageWatch(entries)


REGISTRATION = Registration(entry=PackagesConfig, create=create, many=True, default=PackagesConfig())
