"""Configuration files: what changed in them, and how.

Watches the files that conf.d names and tells every change of content, name or attributes as one event,
with old and new hash and, where everybody may read the file anyway, a diff with secrets masked. inotify
gives hints only; the truth is the compare with what is remembered, which is also how changes made while
the agent was down are found. Never reads what is no regular file, never follows a link the
configuration does not name, and never lets a secret into an event.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

import msgspec

from collectors._files.patterns import parse_exclude, parse_path
from collectors._files.selection import Scope
from collectors.collector import Collector, Duration, NotApplicable, Registration, Retired, Runtime, Scoped


class FilesEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `files:` in conf.d.

    `paths` and `exclude` are patterns with `*`, `?`, `[…]` and `**`; a path without wildcards that is a
    directory means everything below it. Changes to one file within `settle` are one change.
    """

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    diff: Literal["auto", "always", "never"] = "auto"
    settle: Duration = Duration(0.1)

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("`paths` is empty: name files or directories to watch")
        for path in self.paths:
            parse_path(path)
        for pattern in self.exclude:
            parse_exclude(pattern)


class FilesCollector:
    """Watches the files of all entries together; `surroundings` are parts of another host than this one."""

    def __init__(self, entries: Sequence[Scoped[FilesEntry]], **surroundings: Any) -> None:
        self._scopes = tuple(_scope(entry) for entry in entries)
        self._surroundings = surroundings

    def run(self, runtime: Runtime) -> None:
        """Watch until stopped; see the law in `collectors.collector`."""
        if not self._scopes:
            raise NotApplicable("no files are configured", "name some under `files:` in conf.d")
        from collectors._files.session import Session
        from collectors._files.surroundings import Surroundings

        with suppress(Retired):
            Session(self._scopes, runtime, Surroundings(**self._surroundings)).run()


def _scope(entry: Scoped[FilesEntry]) -> Scope:
    config = entry.config
    return Scope(
        config.paths,
        config.exclude,
        config.diff,
        float(config.settle),
        entry.tags,
        entry.element_identifiers,
    )


def _create(entries: Sequence[Scoped[FilesEntry]]) -> Collector:
    return FilesCollector(entries)


REGISTRATION = Registration(entry=FilesEntry, create=_create, many=True)
