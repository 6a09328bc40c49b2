"""Configuration files: what changed in them, and how.

Watches the files that conf.d names and tells every change of content, name or attributes as one event,
with old and new hash and, where everybody may read the file anyway, a diff with secrets masked. inotify
gives hints only; the truth is the compare with what is remembered, which is also how changes made while
the agent was down are found. Never reads what is no regular file, never follows a link the
configuration does not name, and never lets a secret into an event.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from collectors._braces import expanded
from collectors._files.entry import FilesEntry
from collectors._files.selection import Scope, Selection
from collectors._regular import may_lack
from collectors.collector import NotApplicable, Retired, Runtime, Scoped

if TYPE_CHECKING:
    from collectors._files.job import Job
    from collectors._files.line import Line


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
