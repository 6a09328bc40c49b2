"""Configuration files: what changed in them, and how.

Watches the files that conf.d names and tells every change of content, name or attributes as one event,
with old and new hash and, where everybody may read the file anyway, a diff with secrets masked. inotify
gives hints only; the truth is the compare with what is remembered, which is also how changes made while
the agent was down are found. Never reads what is no regular file, never follows a link the
configuration does not name, and never lets a secret into an event.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from collectors._braces import expanded
from collectors._files.patterns import parse_exclude, parse_path
from collectors._files.selection import Diff, Scope, Selection
from collectors._regular import may_lack
from collectors.collector import Collector, Duration, NotApplicable, Registration, Retired, Runtime, Scoped

if TYPE_CHECKING:
    from collectors._files.job import Job
    from collectors._files.line import Line


def _check_path(pattern: str) -> None:
    for path in expanded((pattern,)):
        parse_path(path)


def _check_exclude(pattern: str) -> None:
    for one in expanded((pattern,)):
        parse_exclude(one)


class FilesEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `files:` in conf.d.

    `paths` and `exclude` are patterns with `*`, `?`, `[…]`, `{a,b}` and `**`; a path without wildcards that is a
    directory means everything below it; `default_excludes` leaves out what is no configuration. Changes to one file within `settle` are one change.
    """

    paths: tuple[Annotated[str, msgspec.Meta(extra={"rule": _check_path})], ...]
    """Absolute paths and patterns: `*`, `?`, `[…]` within a name, `{a,b}` for one or the other, `**` for any
    depth. A directory means everything below it."""
    exclude: tuple[Annotated[str, msgspec.Meta(extra={"rule": _check_exclude})], ...] = ()
    """Patterns of what is not meant; one that is not absolute may stand anywhere."""
    default_excludes: bool = True
    """Leaves out what is no configuration: working copies, backups, locks and caches of programs. `false`:
    they are told too."""
    diff: Diff = "auto"
    """`auto`: only of text that everyone may read, secrets masked; `strict`: of the same, only what is
    plainly no secret shown; `always`: of other text too; `never`. No more than `diff_at_most`; private
    keys and password files never have one."""
    settle: Duration = Duration(0.1)
    """Changes to one file within it are one change; it bounds the latency."""

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("`paths` is empty: name files or directories to watch")
        for path in self.paths:
            _check_path(path)
        for pattern in self.exclude:
            _check_exclude(pattern)

    def all_paths(self) -> tuple[str, ...]:
        """Return the patterns of `paths`, each with braces as all that it stands for."""
        return expanded(self.paths)

    def leads_to(self, pattern: str) -> Callable[[str], bool]:
        """Return a test of directories: whether something that `pattern`, one of `all_paths`, means may lie there or below."""
        return Selection((Scope((pattern,), expanded(self.exclude), self.default_excludes),)).may_hold


class FilesCollector:
    """Watches the files of all entries together; `surroundings` are parts of another host than this one."""

    def __init__(self, entries: Sequence[Scoped[FilesEntry]], **surroundings: Any) -> None:
        self._scopes = tuple(_scope(entry) for entry in entries)
        self._surroundings = surroundings

    def run(self, runtime: Runtime) -> None:
        """Watch until stopped; see the contract in `collectors.collector`."""
        if not self._scopes:
            raise NotApplicable("no files are configured", "name some under `files:` in conf.d")
        from collectors._files.job import Job, Stopped
        from collectors._files.surroundings import Surroundings

        with suppress(Retired, Stopped):
            self._watch(Job(runtime, Selection(self._scopes), Surroundings(**self._surroundings)))

    def _watch(self, job: "Job") -> None:
        """Watch until stopped; where something is lacking, wait for it, and compare everything at once afterwards."""
        from collectors._files.line import opened_line

        wait_seconds = job.host.lack_seconds
        is_first = True
        while not job.runtime.stop.is_set():
            began = job.host.monotonic()
            try:
                with opened_line(job, is_first=is_first) as line:
                    self._follow(line)
            except OSError as error:
                if not may_lack(error):
                    raise
                if job.host.monotonic() - began > _LONG_SECONDS:
                    wait_seconds = job.host.lack_seconds
                job.runtime.report(f"waiting for what is lacking: {error.strerror}")
                job.runtime.stop.wait(wait_seconds)
                wait_seconds = min(2 * wait_seconds, _MAX_LACK_SECONDS)
            is_first = False

    def _follow(self, line: "Line") -> None:
        """Go on until the stop, and look once more at what was hinted at shortly before."""
        while line.goes_on():
            self._tell(line)
            line.wait_for_hints()
        line.hurry()
        self._tell(line)

    def _tell(self, line: "Line") -> None:
        """Tell what has become of all that is due: from hint to pending, look, compare and emit."""
        with line.one_round():
            for due in line.pending():
                for looked in line.look(due):
                    for change in line.compare(looked, due):
                        line.emit(change, due)


_LONG_SECONDS = 60.0
_MAX_LACK_SECONDS = 30.0


def _scope(entry: Scoped[FilesEntry]) -> Scope:
    config = entry.config
    return Scope(
        config.all_paths(),
        expanded(config.exclude),
        config.default_excludes,
        config.diff,
        float(config.settle),
        entry.tags,
        entry.element_identifiers,
    )


def _create(entries: Sequence[Scoped[FilesEntry]]) -> Collector:
    return FilesCollector(entries)


_LEAST_FIRST: tuple[Diff, ...] = ("never", "strict", "auto", "always")


def _limited(entry: FilesEntry, most: Diff) -> FilesEntry:
    """Return the entry with a diff of no more than `most`."""
    allowed = _LEAST_FIRST[: 1 + [*_LEAST_FIRST].index(most)]
    return entry if entry.diff in allowed else msgspec.structs.replace(entry, diff=allowed[-1])


REGISTRATION = Registration(entry=FilesEntry, create=_create, many=True, limit=_limited)
