"""The package transaction that changed something, or that ran when it changed.

The log of dpkg says when each package was under its hands, and dpkg's lists which files are whose. The
log of dnf says when each package was done, and rpm is asked whose the file is, but only then: asking
costs a process.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from collectors._origin.apt_history import AptHistory
from collectors._origin.asked import Asked, asked_at
from collectors._origin.claim import Claim
from collectors._origin.dnf_history import DnfHistory
from collectors._regular import IsOwn, content_of, opened_regular

_BEFORE_SECONDS = 600.0
"""A large package is unpacked for so long at most between two lines of dpkg's log."""
_RPM_SECONDS = 30.0
"""A package's files are written so long at most before the one line that says it is done."""
_OPEN_SECONDS = 30.0
"""What no line has ended goes on for so long after the last line: dpkg may have been killed, or failed."""
_SLACK_SECONDS = 1.0
"""Logs count whole seconds."""
_TAIL_BYTES = 256 * 1024
_ASK_SECONDS = 1.0


class Step(msgspec.Struct, frozen=True):
    """One line of a package manager's log."""

    time: float
    action: str
    package: str
    old: str = ""
    new: str = ""


class Work(msgspec.Struct, frozen=True):
    """One package under the hands of its manager, from `began` until `ended`."""

    package: str
    began: float
    ended: float
    version: str = ""
    """The version that it comes to, of one that goes the one that it had."""
    is_change: bool = False
    """Whether its files change, or only its scripts run."""


class PackageLogs:
    """The logs and lists of a host, below its root directory."""

    def __init__(self, root: Path, is_own: IsOwn) -> None:
        self._root = root
        self._dpkg_log = root / "var/log/dpkg.log"
        self._dnf_log = root / "var/log/dnf.rpm.log"
        self._is_own = is_own
        self._tails: dict[Path, tuple[tuple[int, int], list[str]]] = {}
        self._works: dict[tuple[str, int], list[Work]] = {}
        """What a log says of a second: one transaction changes many files, and its log is long."""
        self._lists: dict[str, bytes] = {}
        self._owners: dict[str, frozenset[str]] = {}
        self._histories = (AptHistory(root, is_own), DnfHistory(root, is_own))
        self._asked: list[Asked] | None = None

    def of_file(self, path: str, at: float) -> list[Claim]:
        """Return that a package whose file it is was worked on at that time, or else which packages were."""
        for works, owns in ((self._dpkg(at), self._dpkg_lists), (self._dnf(at), self._rpm_owns)):
            if not works:
                continue
            mine = [work for work in works if owns(work.package, path)]
            if mine:
                return [self._claim(max(mine, key=lambda work: work.began), at, is_direct=True)]
            return [self._claim(work, at, is_direct=False) for work in works]
        return []

    def of_package(self, package: str, version: str, at: float) -> Claim:
        """Return the claim of a package of which its manager says that it came to a version at that time."""
        return self._claim(Work(package, at, at, version), at, is_direct=True)

    def _claim(self, work: Work, at: float, *, is_direct: bool) -> Claim:
        if self._asked is None:
            self._asked = [asked for history in self._histories for asked in history.read()]
        asked = asked_at(self._asked, at)
        return Claim(
            kind="package",
            how="package-log",
            is_direct=is_direct,
            name=f"{work.package.partition(':')[0]} {work.version}".rstrip(),
            login_user=asked.requested_by if asked else "",
            program=asked.program if asked else "",
        )

    def forget(self) -> None:
        """Let go of what was read."""
        self._tails.clear()
        self._works.clear()
        self._lists.clear()
        self._owners.clear()
        self._asked = None

    def _dpkg(self, at: float) -> list[Work]:
        lines = self._lines(self._dpkg_log, "%Y-%m-%d %H:%M:%S", at, _BEFORE_SECONDS)
        return self._at("dpkg", at, lambda: works_of(parse_dpkg_log(lines)))

    def _dnf(self, at: float) -> list[Work]:
        lines = self._lines(self._dnf_log, "%Y-%m-%dT%H:%M:%S", at, _SLACK_SECONDS)
        return self._at("dnf", at, lambda: map(_done, parse_dnf_log(lines)))

    def _at(self, log: str, at: float, works: Callable[[], Iterable[Work]]) -> list[Work]:
        """Return what was under way at a time; `works` of its lines is asked once for each second."""
        key = log, int(at)
        if key not in self._works:
            self._works[key] = list(works())
        return [work for work in self._works[key] if _covers(work, at)]

    def _lines(self, log: Path, time_format: str, at: float, before_seconds: float) -> list[str]:
        """Return the lines of a log around a time."""
        first = time.strftime(time_format, time.localtime(at - before_seconds))
        last = time.strftime(time_format, time.localtime(at + max(_RPM_SECONDS, _OPEN_SECONDS) + 1))
        return [line for line in self._tail(log, at) if first <= line < last]

    def _tail(self, path: Path, at: float) -> list[str]:
        """Return the last lines of a log; none when it was not written since long before that time."""
        try:
            with opened_regular(str(path), self._is_own) as fd, open(fd, "rb", closefd=False) as file:
                status = os.fstat(fd)
                if status.st_mtime < at - _BEFORE_SECONDS:
                    return []
                mark = (status.st_size, status.st_mtime_ns)
                known = self._tails.get(path)
                if known is None or known[0] != mark:
                    file.seek(max(0, status.st_size - _TAIL_BYTES))
                    lines = file.read(_TAIL_BYTES).decode("utf-8", "replace").splitlines()
                    known = self._tails[path] = (mark, lines)
                    self._works.clear()
                return known[1]
        except OSError:
            return []

    def _dpkg_lists(self, package: str, path: str) -> bool:
        if package not in self._lists:
            name, _, architecture = package.partition(":")
            info = self._root / "var/lib/dpkg/info"
            candidates = (content_of(info / f"{it}.list") for it in (name, f"{name}:{architecture}"))
            self._lists[package] = b"\n" + next(filter(None, candidates), b"")
        return b"\n" + os.fsencode(path) + b"\n" in self._lists[package]

    def _rpm_owns(self, package: str, path: str) -> bool:
        if path not in self._owners:
            self._owners[path] = read_rpm_owners(path, self._root)
        return package in self._owners[path]


def _done(step: Step) -> Work:
    """Return what dnf did, of the one line that it writes when it is done with a package."""
    return Work(_name(step.package), step.time - _RPM_SECONDS, step.time, _version_of(step.package))


def _covers(work: Work, at: float) -> bool:
    return work.began - _SLACK_SECONDS <= at <= work.ended + _SLACK_SECONDS


def _name(nevra: str) -> str:
    """Return the name of `nginx-1:1.20-1.x86_64`."""
    return nevra.rsplit("-", 2)[0]


def _version_of(nevra: str) -> str:
    """Return the version and release of `nginx-1:1.20-1.x86_64`."""
    return nevra.rpartition(".")[0].removeprefix(_name(nevra)).removeprefix("-")


def read_rpm_owners(path: str, root: Path) -> frozenset[str]:
    """Return the names of the packages that own a file; none where rpm does not say so in time."""
    import subprocess  # a host of dpkg's alone never needs it

    command = ["rpm", "--root", str(root), "-qf", "--qf", r"%{NAME}\n", "--", path]
    try:
        asked = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(asked.stdout.decode(errors="replace").split()) if asked.returncode == 0 else frozenset()


_CLOSED = frozenset({"installed", "not-installed", "config-files"})
_CHANGES = frozenset({"install", "upgrade", "remove", "purge"})


def works_of(steps: Iterable[Step]) -> Iterator[Work]:
    """Yield what dpkg did to each package; what has no end yet goes on for a while."""
    under_way: dict[str, Work] = {}
    versions: dict[str, str] = {}
    last = 0.0
    for step in steps:
        last = step.time
        work = under_way.get(step.package) or Work(step.package, step.time, float("inf"))
        if step.action in _CHANGES:
            if work.is_change:
                yield msgspec.structs.replace(work, ended=step.time)
                work = msgspec.structs.replace(work, began=step.time)
            work = msgspec.structs.replace(work, is_change=True)
        # What is purged has none in the end.
        versions[step.package] = _version(step) or versions.get(step.package, "")
        work = msgspec.structs.replace(work, version=versions[step.package])
        under_way[step.package] = work
        if step.action in _CLOSED:
            yield msgspec.structs.replace(under_way.pop(step.package), ended=step.time)
    yield from (msgspec.structs.replace(work, ended=last + _OPEN_SECONDS) for work in under_way.values())


def _version(step: Step) -> str:
    """Return the version that a step is about; the log has `<none>` for a side that has none."""
    return next((version for version in (step.new, step.old) if version not in {"", "<none>"}), "")


_DPKG = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) "
    r"(?:(?P<action>install|upgrade|remove|purge|configure|trigproc) (?P<package>\S+) (?P<old>\S+) (?P<new>\S+)"
    r"|status (?P<state>\S+) (?P<status_package>\S+) (?P<version>\S+))"
)


def parse_dpkg_log(lines: Iterable[str]) -> Iterator[Step]:
    """Parse dpkg.log, whose times are local; a line of a status has the status as its action."""
    second, at = "", 0.0
    for line in lines:
        found = _DPKG.fullmatch(line)
        if found:
            if found["time"] != second:  # most lines are of the second of the line before
                second = found["time"]
                at = time.mktime(time.strptime(second, "%Y-%m-%d %H:%M:%S"))
            if found["package"]:
                yield Step(at, found["action"], found["package"], found["old"], found["new"])
            elif found["state"] != "triggers-pending":
                yield Step(at, found["state"], found["status_package"], "", found["version"])


_DNF = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}) \w+ (?P<action>Installed|Upgraded?|Erase|Removed): (?P<package>\S+)"
)


def parse_dnf_log(lines: Iterable[str]) -> Iterator[Step]:
    """Parse dnf.rpm.log, whose times have an offset."""
    for line in lines:
        found = _DNF.fullmatch(line)
        if found:
            at = datetime.strptime(found["time"], "%Y-%m-%dT%H:%M:%S%z").timestamp()
            yield Step(at, found["action"].lower(), found["package"])
