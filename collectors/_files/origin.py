"""Who changed a file: best effort, and each answer says how it is known.

Reads what package managers, Puppet and login leave behind anyway, and only when a file changed. It
never guesses beyond that: a transaction that runs at the same time and does not list the file is told
as running at the same time. Who wrote a file for certain only the kernel's audit could tell.
"""

import os
import re
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from collectors.event import Value

_BEFORE_SECONDS = 30.0
"""A package's files are written up to this long before the log line that completes the step."""
_AFTER_SECONDS = 30.0
_TAIL_BYTES = 256 * 1024
_MAX_NAMED = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a package manager's log."""

    time: float
    action: str
    package: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Login:
    """One open login session."""

    user: str
    line: str
    host: str
    since: int


class Origins:
    """Looks up, below a root directory, what else happened when a file changed."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._logs: dict[Path, tuple[tuple[int, int], list[str]]] = {}
        self._lists: dict[str, bytes] = {}

    def of(self, path: str, at: float, *, is_recent: bool) -> dict[str, Value]:
        """Return what is known of who changed `path` at a time; sessions only of a change that is recent."""
        found: dict[str, Value] = {}
        found |= self._packages(path, at)
        if not found:
            found |= self._puppet(at, is_recent=is_recent)
        if is_recent:
            found |= self._sessions(at)
        return found

    def forget(self) -> None:
        """Let go of what was read for one round of changes."""
        self._lists.clear()
        self._logs.clear()

    # Packages.

    def _packages(self, path: str, at: float) -> dict[str, Value]:
        steps = list(self._steps(at))
        names = list(dict.fromkeys(step.package for step in steps))
        owner = next((name for name in names if self._lists_file(name, path)), None)
        if owner is not None:
            versions = _versions([step for step in steps if step.package == owner], at)
            return {
                "changed_by": f"package {owner.partition(':')[0]}",
                "changed_by_known_from": f"dpkg lists the file, and its log the package at that time{versions}",
            }
        if names:
            shown = ", ".join(name.partition(":")[0] for name in names[:_MAX_NAMED])
            return {
                "changed_during": f"package transaction: {shown}"
                + (" and more" if len(names) > _MAX_NAMED else ""),
                "changed_during_known_from": "the package manager's log has it at that time; it does not list the file",
            }
        return {}

    def _steps(self, at: float) -> Iterator[Step]:
        """Yield the steps of package managers around a time."""
        for name, time_format, parse in (
            ("var/log/dpkg.log", "%Y-%m-%d %H:%M:%S", parse_dpkg_log),
            ("var/log/dnf.rpm.log", "%Y-%m-%dT%H:%M:%S", parse_dnf_log),
        ):
            first = time.strftime(time_format, time.localtime(at - _BEFORE_SECONDS))
            last = time.strftime(time_format, time.localtime(at + _AFTER_SECONDS + 1))
            lines = [line for line in self._tail(self._root / name, at) if first <= line < last]
            yield from (
                s for s in parse("\n".join(lines)) if -_BEFORE_SECONDS <= s.time - at <= _AFTER_SECONDS
            )

    def _tail(self, path: Path, at: float) -> list[str]:
        """Return the last lines of a log; none when it was not written since that time."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_mtime < at - _BEFORE_SECONDS:
                    return []
                mark = (status.st_size, status.st_mtime_ns)
                known = self._logs.get(path)
                if known is None or known[0] != mark:
                    file.seek(max(0, status.st_size - _TAIL_BYTES))
                    lines = file.read(_TAIL_BYTES).decode("utf-8", "replace").splitlines()
                    known = self._logs[path] = (mark, lines)
                return known[1]
        except OSError:
            return []

    def _lists_file(self, package: str, path: str) -> bool:
        if package not in self._lists:
            name, _, architecture = package.partition(":")
            info = self._root / "var/lib/dpkg/info"
            self._lists[package] = b""
            for candidate in (f"{name}.list", f"{name}:{architecture}.list"):
                try:
                    self._lists[package] = b"\n" + (info / candidate).read_bytes()
                    break
                except OSError:
                    continue
        return b"\n" + os.fsencode(path) + b"\n" in self._lists[package]

    # Puppet.

    def _puppet(self, at: float, *, is_recent: bool) -> dict[str, Value]:
        for state in ("opt/puppetlabs/puppet/cache/state", "var/cache/puppet/state", "var/lib/puppet/state"):
            directory = self._root / state
            if is_recent and self._is_held(directory / "agent_catalog_run.lock"):
                return {
                    "changed_during": "Puppet run",
                    "changed_during_known_from": "its agent held agent_catalog_run.lock",
                }
            try:
                times = parse_puppet_summary((directory / "last_run_summary.yaml").read_text())
            except (OSError, UnicodeDecodeError):
                continue
            if times is not None and times[0] - 1 <= at <= times[1] + 1:
                return {
                    "changed_during": "Puppet run",
                    "changed_during_known_from": "last_run_summary.yaml has a run at that time",
                }
        return {}

    def _is_held(self, lock: Path) -> bool:
        try:
            pid = int(lock.read_text().strip())
        except (OSError, ValueError):
            return False
        return (self._root / "proc" / str(pid)).exists()

    # Sessions.

    def _sessions(self, at: float) -> dict[str, Value]:
        try:
            data = (self._root / "run/utmp").read_bytes()
        except OSError:
            return {}
        logins = [login for login in parse_utmp(data) if login.since <= at + 1]
        if not logins:
            return {}
        shown = ", ".join(_shown(login) for login in logins[:_MAX_NAMED])
        return {
            "sessions": shown + (" and more" if len(logins) > _MAX_NAMED else ""),
            "sessions_known_from": "utmp: open at that time, which proves nothing",
        }


def _versions(steps: list[Step], at: float) -> str:
    """Return what was done to the package last before the change; the log counts whole seconds."""
    done = [step for step in steps if step.action in {"install", "upgrade", "remove", "purge"}]
    if not done:
        return ""
    step = max([step for step in done if step.time <= at + 1] or done[:1], key=lambda step: step.time)
    old, new = (version if version != "<none>" else "none" for version in (step.old, step.new))
    return f" ({step.action}, {old} to {new})"


def _shown(login: Login) -> str:
    where = f" from {login.host}" if login.host else ""
    return f"{login.user} on {login.line}{where}"


_DPKG = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) "
    r"(?:(?P<action>install|upgrade|remove|purge|configure|trigproc) (?P<package>\S+) (?P<old>\S+) (?P<new>\S+)"
    r"|status (?P<state>\S+) (?P<status_package>\S+) (?P<version>\S+))"
)


def parse_dpkg_log(text: str) -> Iterator[Step]:
    """Parse dpkg.log, whose times are local."""
    for line in text.splitlines():
        found = _DPKG.fullmatch(line)
        if found:
            at = time.mktime(time.strptime(found["time"], "%Y-%m-%d %H:%M:%S"))
            if found["package"]:
                yield Step(at, found["action"], found["package"], found["old"], found["new"])
            elif found["state"] != "triggers-pending":
                yield Step(at, "status", found["status_package"], "", found["version"])


_DNF = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}) \w+ (?P<action>Installed|Upgraded?|Erase|Removed): (?P<package>\S+)"
)


def parse_dnf_log(text: str) -> Iterator[Step]:
    """Parse dnf.rpm.log, whose times have an offset."""
    for line in text.splitlines():
        found = _DNF.fullmatch(line)
        if found:
            at = _epoch(found["time"])
            yield Step(at, found["action"].lower(), found["package"], "", "")


def _epoch(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


def parse_puppet_summary(text: str) -> tuple[float, float] | None:
    """Return when the last run began and ended, from last_run_summary.yaml; without a YAML parser, it is that plain."""
    last = re.search(r"^\s+last_run: (\d+)", text, re.MULTILINE)
    total = re.search(r"^\s+total: ([\d.]+)\s*$", text[text.find("time:") :], re.MULTILINE)
    if last is None:
        return None
    end = float(last[1])
    return end - (float(total[1]) if total else 0.0), end


_UTMP = struct.Struct("<hxxi32s4s32s256shhiii4i20x")
_USER_PROCESS = 7


def parse_utmp(data: bytes) -> Iterator[Login]:
    """Parse utmp(5) records of glibc on Linux, which are the same 384 bytes for all word sizes."""
    for offset in range(0, len(data) - _UTMP.size + 1, _UTMP.size):
        kind, _, line, _, user, host, _, _, _, since, *_ = _UTMP.unpack_from(data, offset)
        if kind == _USER_PROCESS:
            yield Login(_text(user), _text(line), _text(host), since)


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "replace")
