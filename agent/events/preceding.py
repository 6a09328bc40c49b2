"""What changed on this host before something failed: which earlier changes a failure names, and why. Pure but for its index.

The index holds the changes of the last day, the newest so many. It never guesses a cause: it ranks by what ties a change to
what failed (its unit, the files that the unit names, its application, its package and what that depends on), then by nearness.
"""

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

import msgspec

from agent.events.stored_event import StoredEvent
from collectors.event import Category, Event

DAY_SECONDS = 86_400
MOST_CHANGES = 2000
MOST_NAMED = 5
FAILURES = frozenset({"ServiceFailedEvent", "ServiceFlappingEvent", "HostCrashedEvent"})
_CHANGES = frozenset({Category.CHANGES, Category.DEPLOYMENTS})
_EVERYTHING_NEEDS = re.compile(
    r"(linux-image-|linux-modules-|kernel(-core|-modules)?$|libc6$|libc-bin$|glibc|systemd$|libsystemd)"
)


class Changed(msgspec.Struct, frozen=True, gc=False):
    """A change as it is remembered; `time` in seconds since the epoch."""

    identifier: str
    title: str
    time: int
    path: str = ""
    package: str = ""
    ties: frozenset[str] = frozenset()
    """Tags and element identifiers, of which those that the whole host has say nothing."""


class Facts(msgspec.Struct, frozen=True):
    """What this host says of a unit, when it failed."""

    paths: frozenset[str] = frozenset()
    """Its unit files, its drop-ins, and what these name: programs, environment files, configuration."""
    packages: Mapping[str, str] = {}
    """The packages that it comes from and needs, each with how."""


class Subject(msgspec.Struct, frozen=True):
    """What changes are ranked for: a failure, or a moment that somebody asks about; `time` in seconds since the epoch."""

    time: int
    unit: str = ""
    ties: frozenset[str] = frozenset()
    """Tags and element identifiers that not every event of this host has."""


def ranked(subject: Subject, changes: Iterable[Changed], facts: Facts) -> list[dict[str, Any]]:
    """Return what `preceded_by` says: at most five changes of the day before, the one most tied to the subject first."""
    found = [
        (*_tie(change, subject.unit, subject.ties, facts), change)
        for change in changes
        if 0 <= subject.time - change.time <= DAY_SECONDS
    ]
    found.sort(key=lambda one: (one[0], -one[2].time))
    return [
        {
            "source_identifier": change.identifier,
            "title": change.title,
            "seconds_before": subject.time - change.time,
            "reason": reason,
        }
        for _, reason, change in found[:MOST_NAMED]
    ]


def _tie(change: Changed, unit: str, ties: frozenset[str], facts: Facts) -> tuple[int, str]:
    """Return how close a change is to a failure, 0 the closest, and why, in words."""
    name = unit.partition(".")[0].partition("@")[0]
    if change.path and _is_on_the_way(change.path, facts.paths):
        return 0, "a file that the unit names"
    if change.path and unit and _is_of_unit(change.path, unit):
        return 0, "a file of the unit"
    if change.path and name and _is_below(change.path, name):
        return 1, f"configuration of {name}"
    if shared := sorted(ties & change.ties):
        return 2, f"the same application ({shared[0]})"
    package = change.package.partition(":")[0]
    if package and (how := facts.packages.get(package, "its package" if is_kin(package, name) else "")):
        return 3, how
    if change.package and _EVERYTHING_NEEDS.match(change.package):
        return 4, "what everything on the host needs"
    return 5, "shortly before"


def _is_on_the_way(path: str, named: Collection[str]) -> bool:
    """Return whether a path is one of those named, or what one leads over: a link to the version that runs."""
    return path in named or any(one.startswith(f"{path}/") for one in named)


def is_kin(package: str, name: str) -> bool:
    """Return whether a package is called as a service is, or as what belongs to it: `nginx`, `nginx-common`."""
    return name != "" and (package == name or package.startswith(f"{name}-"))


def _is_of_unit(path: str, unit: str) -> bool:
    stem, _, kind = unit.rpartition(".")
    template = f"{stem.partition('@')[0]}@.{kind}" if "@" in stem else unit
    return any(
        path.startswith(("/etc/systemd/", "/usr/lib/systemd/", "/lib/systemd/", "/run/systemd/"))
        and (path.endswith(f"/{one}") or f"/{one}.d/" in path)
        for one in (unit, template)
    )


def _is_below(path: str, name: str) -> bool:
    return path.startswith((f"/etc/{name}/", f"/etc/{name}.")) or path in {
        f"/etc/{name}",
        f"/etc/default/{name}",
        f"/etc/sysconfig/{name}",
        f"/etc/conf.d/{name}",
    }


class Preceding:
    """The changes of the last day, and what failures name of them; any thread may use it."""

    def __init__(
        self,
        read_past: Callable[[], Iterable[StoredEvent]] = tuple,
        read_facts: Callable[[str], Facts] = lambda _: Facts(),
    ) -> None:
        """`read_past` gives the events of the last day, oldest first: asked once, at the first failure."""
        self._read_past = read_past
        self._read_facts = read_facts
        self._changes: deque[Changed] = deque(maxlen=MOST_CHANGES)
        self._has_read = False
        self._lock = Lock()

    def notice(self, events: Iterable[Event]) -> None:
        """Remember the changes among events that were kept."""
        found = [_of_event(event) for event in events if event.category in _CHANGES]
        if found:
            with self._lock:
                self._changes.extend(found)

    def before(self, failure: Event, common: Iterable[str]) -> list[dict[str, Any]]:
        """Return what `preceded_by` of a failure says."""
        unit = str(failure.data.get("unit") or "")
        ties = frozenset((*failure.tags, *failure.element_identifiers)) - frozenset(common)
        return ranked(Subject(failure.timestamp, unit, ties), self._known(), self._read_facts(unit))

    def _known(self) -> Sequence[Changed]:
        """Return each change once, also where it was noticed twice because it could not be kept at first."""
        if not self._has_read:
            self._has_read = True
            past = filter(None, map(of_stored, self._read_past()))  # may take a moment: nobody waits for it
            with self._lock:
                self._changes.extendleft(reversed([*past][-self._room() :]))
        with self._lock:
            return [*{change.identifier: change for change in self._changes}.values()]

    def _room(self) -> int:
        return MOST_CHANGES - len(self._changes)


def _of_event(event: Event) -> Changed:
    return Changed(
        event.source_identifier,
        event.title,
        event.timestamp,
        str(event.data.get("path") or ""),
        str(event.data.get("package") or ""),
        frozenset((*event.tags, *event.element_identifiers)),
    )


def of_stored(event: StoredEvent) -> Changed | None:
    """Return a change as it is remembered; None of an event that is none."""
    context = event.context
    if context is None or context.category not in _CHANGES or not context.source_identifier:
        return None
    data = context.data or {}
    return Changed(
        context.source_identifier,
        event.title or "",
        event.timestamp or 0,
        str(data.get("path") or ""),
        str(data.get("package") or ""),
        frozenset((*(event.tags or ()), *(context.element_identifiers or ()))),
    )
