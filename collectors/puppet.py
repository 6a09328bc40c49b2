"""The `puppet` collector: what Puppet's runs changed on this host, from the reports that it leaves.

One event a run, whichever files hold its report, also for runs while the agent was down. It reads
reports and never talks to Puppet.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from collectors._inotify import CLOSE_WRITE, CREATE, DELETE_SELF, MOVE_SELF, MOVED_TO, Inotify
from collectors._portable import escaped
from collectors._puppet.entry import PuppetConfig
from collectors._puppet.events import no_report, puppet_run
from collectors._puppet.report import Report, parse_report
from collectors._puppet.report_files import (
    DEFAULT_DIRECTORIES,
    Look,
    Sighting,
    read_reports,
    watched_directories,
)
from collectors._puppet.run_memory import Remember, RunMemory
from collectors._regular import IsOwn, NotRegular, opened_regular
from collectors._troubles import Subject, Troubles, apart
from collectors.collector import NotKept, Runtime, Scoped, united
from collectors.event import Event

SETTLE_SECONDS = 0.2
"""A run writes its report to two files, one after the other."""
RETRY_SECONDS = 60.0
_HINTS = CLOSE_WRITE | MOVED_TO | CREATE | DELETE_SELF | MOVE_SELF
"""What wakes it up: a file appears or is written, or one of the directories goes."""
_REPORTS = Subject(
    "path",
    "Reports of Puppet at {} cannot be followed",
    "{} cannot be followed: {}. Every other report is read as before.",
    "cannot follow",
)
_RUNS_AT_ONCE = 50
_WRITTEN_SECONDS = 5.0
"""What was written so shortly ago and is no report may be half of one."""


Entries = tuple[Scoped[PuppetConfig], ...]


class Found(msgspec.Struct, frozen=True):
    """A report file, and the entries of the configuration that it belongs to."""

    sighting: Sighting
    entries: Entries


class Run(msgspec.Struct, frozen=True):
    """A report that was not seen before, with its file."""

    report: Report
    path: Path
    found: Found
    problem: str = ""
    """Why it is no report, where it is none."""


class Puppet:
    """Watches the reports of Puppet."""

    def __init__(
        self,
        entries: Sequence[Scoped[PuppetConfig]],
        *,
        default_directories: Sequence[Path] = DEFAULT_DIRECTORIES,
        settle_seconds: float = SETTLE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._directories: dict[Path, Entries] = {}
        for entry in entries:
            named = entry.config.report_dir
            for directory in default_directories if named is None else (named,):
                self._directories[directory] = (*self._directories.get(directory, ()), entry)
        self._settle_seconds = settle_seconds
        self._retry_seconds = retry_seconds

    def run(self, runtime: Runtime) -> None:
        """Tell the runs since the last look, then each as its report is written."""
        troubles = Troubles(runtime.memory, _REPORTS)
        with Inotify(_HINTS) as hints:
            while not runtime.stop.is_set():
                blind = hints.watch({d for named in self._directories for d in watched_directories(named)})
                try:
                    undone = [*blind, *self._compare(runtime, troubles)]
                except NotKept:
                    troubles.forgo()
                    undone = list(self._directories)
                hints.wait(runtime.stop, self._retry_seconds if undone else None)
                runtime.stop.wait(self._settle_seconds)

    def _compare(self, runtime: Runtime, troubles: Troubles) -> list[Path]:
        """Compare the reports that are there with those remembered; return those that could not be read."""
        odd: dict[str, Exception] = {}
        ledger = RunMemory(runtime.memory, odd)
        looks = {directory: read_reports(directory, odd) for directory in self._directories}
        found = self._found(looks)
        fresh: set[Path] = set()
        for path, file in found.items():
            with apart(str(path), odd):
                if ledger.is_new(path, file.sighting):
                    fresh.add(path)
        for directory in filter(ledger.is_first_sight, looks):
            files = {path: found[path].sighting for path in looks[directory].files}
            runtime.emit([], ledger.first_sight(directory, files))
            fresh -= files.keys()
        unreadable: list[Path] = []
        runs = sorted(_read_runs(fresh, found, unreadable, runtime.is_own), key=lambda run: run.report.time)
        for first in range(0, len(runs), _RUNS_AT_ONCE):
            batch = runs[first : first + _RUNS_AT_ONCE]
            told = list(_tell(batch, ledger))
            remember: Remember = {}
            for run in batch:
                with apart(str(run.path), odd):
                    remember |= ledger.seen({run.path: _read_as(run)})
            told_runs = [run.report.identity for run in batch if run.report.identity]
            runtime.emit(told, remember | ledger.told(told_runs))
        self._end_look(runtime, troubles, ledger, looks.values(), odd)
        said = _in_words(len(found), unreadable, RunMemory(runtime.memory, {}).none)
        runtime.report("; ".join(filter(None, (said, troubles.in_words()))))
        return [*unreadable, *map(Path, odd)]

    def _end_look(
        self,
        runtime: Runtime,
        troubles: Troubles,
        ledger: RunMemory,
        looks: Iterable[Look],
        odd: dict[str, Exception],
    ) -> None:
        """Forget what is gone, and tell what made trouble."""
        forget: Remember = {}
        for look in looks:
            forget |= ledger.gone(look, odd)
        troubles.are(odd)
        if forget or troubles.to_remember():
            runtime.emit(troubles.news(int(time.time())), forget | troubles.to_remember())
            troubles.kept()

    def _found(self, looks: dict[Path, Look]) -> dict[Path, Found]:
        found: dict[Path, Found] = {}
        for directory, look in looks.items():
            for path, sighting in look.files.items():
                before = found[path].entries if path in found else ()
                found[path] = Found(sighting, (*before, *self._directories[directory]))
        return found


def _read_runs(
    fresh: set[Path], found: dict[Path, Found], unreadable: list[Path], is_own: IsOwn
) -> Iterator[Run]:
    for path in fresh:
        try:
            with opened_regular(str(path), is_own) as fd, open(fd, "rb", closefd=False) as stream:
                report = parse_report(stream)
            yield Run(report, path, found[path])
        except FileNotFoundError:
            continue  # Puppet replaced it just now, and that wakes us again
        except NotRegular as error:
            yield Run(Report(), path, found[path], str(error.strerror))
        except OSError:
            unreadable.append(path)
        except Exception as error:  # noqa: BLE001 - whatever one file makes the parser do, it is that file's trouble
            if _is_being_written(found[path]):
                unreadable.append(path)
                continue
            # Remembered, so that it is told once, and read again when it changes.
            yield Run(Report(), path, found[path], escaped(f"{type(error).__name__}: {error}")[:200])


def _is_being_written(found: Found) -> bool:
    return abs(time.time() - found.sighting.mtime_ns / 1e9) < _WRITTEN_SECONDS


def _tell(runs: Iterable[Run], ledger: RunMemory) -> Iterator[Event]:
    told: set[str] = set()
    for run in runs:
        if run.problem:
            yield no_report(run.path, run.problem, int(time.time()))
            continue
        try:
            event = _event_of(run, ledger, told)
        except Exception as error:  # noqa: BLE001 - whatever a report makes Python do, it is that report's trouble
            event = no_report(run.path, escaped(f"{type(error).__name__}: {error}")[:200], int(time.time()))
        if event is not None:
            yield event


def _event_of(run: Run, ledger: RunMemory, told: set[str]) -> Event | None:
    """Return the event of a run, and add it to those that are `told`; None where there is nothing to tell."""
    entries = run.found.entries
    is_wanted = run.report.status != "unchanged" or any(entry.config.unchanged for entry in entries)
    if (
        not run.report.status
        or not is_wanted
        or ledger.is_told(run.report.identity)
        or run.report.identity in told
    ):
        return None
    told.add(run.report.identity)
    identifiers = united(entry.element_identifiers for entry in entries)
    return puppet_run(run.report, united(entry.tags for entry in entries), identifiers)


def _read_as(run: Run) -> Sighting:
    return msgspec.structs.replace(run.found.sighting, run=run.report.identity, problem=run.problem)


def _in_words(count: int, unreadable: Sequence[Path], none: Sequence[Path]) -> str:
    words = [f"watching {count} reports"]
    words += [f"{len(unreadable)} cannot be read, as {escaped(str(unreadable[0]))}"] if unreadable else []
    words += [f"{len(none)} are none, as {escaped(str(none[0]))}"] if none else []
    return "; ".join(words)
