"""The Puppet run that changed something, or that ran when it changed.

A run names what it changed only in its report, which it writes at its end. A change that is told before
that knows of a running Puppet at most; one that is told after it (a longer settle, a compare, the time
while the agent was down) knows the run by its transaction_uuid. Reports are searched as text: they are
large, and what is asked of them stands on lines of their own.
"""

import os
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from collectors._origin.claim import Claim
from collectors._regular import IsOwn, content_of, opened_regular

_CACHES = ("opt/puppetlabs/puppet/cache", "var/cache/puppet", "var/lib/puppet")
"""Of Puppet's own packages, of Debian's, and of older ones."""
_MAX_REPORT_BYTES = 32 * 1024 * 1024
_SLACK_SECONDS = 2.0
"""A change is told in whole seconds, and a file's clock ticks more coarsely than Puppet's."""


class Run(msgspec.Struct, frozen=True):
    """One run, by its report; times in seconds since the epoch."""

    transaction_uuid: str
    host: str
    began: float
    ended: float
    report: bytes

    def changed(self, kind: str, title: str, at: float) -> bool:
        """Return whether the report lists a resource, as `File` and a path, as changed at that time."""
        resource = re.escape(kind.encode() + b"[" + os.fsencode(title) + b"]")
        for found in re.finditer(rb"^ *resource: ([\"']?)" + resource + rb"\1$", self.report, re.MULTILINE):
            status = _block(self.report, found.end())
            if re.search(rb"^ *changed: true$", status, re.MULTILINE) and _is_around(status, at):
                return True
        return False


class PuppetRuns:
    """The runs of a host, below its root directory."""

    def __init__(self, root: Path, is_own: IsOwn) -> None:
        self._root = root
        self._caches = [root / name for name in _CACHES]
        self._is_own = is_own
        self._runs: dict[Path, Run | None] = {}
        self._under_way: bool | None = None

    def of(self, kind: str, title: str, at: float, *, is_recent: bool) -> list[Claim]:
        """Return the run that changed a resource, or that ran at that time; one under way counts if it is recent."""
        caches = [cache for cache in self._caches if cache.is_dir()]
        runs = [run for cache in caches for run in self._reported(cache, at)]
        author = next((run for run in runs if run.changed(kind, title, at)), None)
        if author is not None:
            return [_claim(author.transaction_uuid, is_direct=True)]
        if runs:
            return [_claim(runs[0].transaction_uuid, is_direct=False)]
        is_running = is_recent and caches and self._is_under_way(caches)
        return [_claim("", is_direct=False)] if is_running else []

    def forget(self) -> None:
        """Let go of the reports, and look again for a run the next time."""
        self._runs.clear()
        self._under_way = None

    def _reported(self, cache: Path, at: float) -> Iterator[Run]:
        """Yield the run of that time, from the last report or from those that were stored."""
        last = self._run(cache / "state/last_run_report.yaml", at)
        runs = [last] if last else []
        if last and at < last.began and last.host and "/" not in last.host:
            runs += filter(
                None, (self._run(report, at) for report in _stored(cache / "reports" / last.host, at))
            )
        yield from (run for run in runs if run.began - 1 <= at <= run.ended + 1)

    def _run(self, report: Path, at: float) -> Run | None:
        """Return what a report says; None when it was written before that time."""
        if report not in self._runs:
            try:
                with opened_regular(str(report), self._is_own) as fd, open(fd, "rb", closefd=False) as file:
                    ended = os.fstat(fd).st_mtime
                    if ended + 1 < at:
                        return None
                    self._runs[report] = parse_report(file.read(_MAX_REPORT_BYTES), ended)
            except OSError:
                self._runs[report] = None
        return self._runs[report]

    def _is_under_way(self, caches: list[Path]) -> bool:
        """Return whether a run is under way: its agent holds its lock, or `puppet apply` runs."""
        if self._under_way is None:
            locks = (cache / "state/agent_catalog_run.lock" for cache in caches)
            self._under_way = any(map(self._is_held, locks)) or self._is_applying()
        return self._under_way

    def _is_held(self, lock: Path) -> bool:
        try:
            with opened_regular(str(lock), self._is_own) as fd:
                pid = int(os.read(fd, 32).strip())
        except (OSError, ValueError):
            return False
        return (self._root / "proc" / str(pid)).exists()

    def _is_applying(self) -> bool:
        """Return whether a `puppet apply` runs, which takes no lock."""
        try:
            processes = [entry for entry in (self._root / "proc").iterdir() if entry.name.isdecimal()]
        except OSError:
            return False
        return any(is_puppet_apply(content_of(process / "cmdline")) for process in processes)


def _claim(transaction_uuid: str, *, is_direct: bool) -> Claim:
    return Claim(kind="puppet", how="report", is_direct=is_direct, name=transaction_uuid)


def is_puppet_apply(command: bytes) -> bool:
    """Return whether a command line, as /proc has it, is that of `puppet apply`."""
    arguments = command.split(b"\0")[:4]
    names = [argument.rpartition(b"/")[2] for argument in arguments]
    return b"puppet" in names[:-1] and arguments[names.index(b"puppet") + 1] == b"apply"


def _stored(directory: Path, at: float) -> list[Path]:
    """Return the stored reports that may tell of a time: they are named after the minute of their run's end, in UTC."""
    try:
        names = sorted(entry.name for entry in directory.iterdir())
    except OSError:
        return []
    minute = time.strftime("%Y%m%d%H%M", time.gmtime(at))
    return [directory / name for name in names if name[:12] >= minute and name.endswith(".yaml")][:2]


def parse_report(data: bytes, ended: float) -> Run | None:
    """Return the run of a report that was written at a time; None when it is no report."""
    head = data[: data.find(b"\nlogs:")]
    found = {
        key: re.search(rb"^ *" + key + rb": (.+)$", head, re.MULTILINE)
        for key in (b"time", b"transaction_uuid")
    }
    host = re.search(rb"^ *host: (.+)$", head, re.MULTILINE)
    began = _epoch(found[b"time"][1]) if found[b"time"] else None
    if began is None or not found[b"transaction_uuid"]:
        return None
    return Run(_plain(found[b"transaction_uuid"][1]), _plain(host[1]) if host else "", began, ended, data)


def _block(report: bytes, at: int) -> bytes:
    """Return the rest of the mapping that a line, which ends at a place, belongs to."""
    indent = len(line := report[report.rfind(b"\n", 0, at) + 1 : at]) - len(line.lstrip())
    end = re.compile(rb"^ {0,%d}\S" % max(0, indent - 1), re.MULTILINE).search(report, at + 1)
    return report[at : end.start() if end else len(report)]


def _is_around(status: bytes, at: float) -> bool:
    """Return whether a resource was worked on at a time."""
    when = re.search(rb"^ *time: (.+)$", status, re.MULTILINE)
    took = re.search(rb"^ *evaluation_time: ([\d.]+)$", status, re.MULTILINE)
    began = _epoch(when[1]) if when else None
    return (
        began is not None
        and began - _SLACK_SECONDS <= at <= began + (float(took[1]) if took else 0) + _SLACK_SECONDS
    )


def _epoch(text: bytes) -> float | None:
    """Return the seconds of `'2026-11-25T21:21:43.536277501+00:00'`, or of older ones with a space."""
    found = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|[+-]\d\d:\d\d)", _plain(text))
    if found is None:
        return None
    return datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3].replace('Z', '+00:00')}").timestamp()


def _plain(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip().strip("\"'")
