"""What conf.d may say of files, and how the collector is made of it, which is loaded then and not before."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import msgspec

from collectors._braces import expanded
from collectors._files.patterns import parse_exclude, parse_path
from collectors.collector import Collector, Duration, Registration, Scoped

Diff = Literal["never", "strict", "auto", "always"]


LONGEST_SETTLE_SECONDS = 3600.0
"""A change that waits longer is none that anybody hears of."""


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
    """Changes to one file within it are one change; it bounds the latency. At most `1h`."""

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("`paths` is empty: name files or directories to watch")
        if self.settle > LONGEST_SETTLE_SECONDS:
            raise ValueError("settle must be at most 1h")
        for path in self.paths:
            _check_path(path)
        for pattern in self.exclude:
            _check_exclude(pattern)

    def all_paths(self) -> tuple[str, ...]:
        """Return the patterns of `paths`, each with braces as all that it stands for."""
        return expanded(self.paths)

    def leads_to(self, pattern: str) -> Callable[[str], bool]:
        """Return a test of directories: whether something that `pattern`, one of `all_paths`, means may lie there or below."""
        from collectors._files.selection import Scope, Selection

        return Selection((Scope((pattern,), expanded(self.exclude), self.default_excludes),)).may_hold


def _create(entries: Sequence[Scoped[FilesEntry]]) -> Collector:
    from collectors.files import FilesCollector

    return FilesCollector(entries)


_LEAST_FIRST: tuple[Diff, ...] = ("never", "strict", "auto", "always")


def _limited(entry: FilesEntry, most: Diff) -> FilesEntry:
    """Return the entry with a diff of no more than `most`."""
    allowed = _LEAST_FIRST[: 1 + [*_LEAST_FIRST].index(most)]
    return entry if entry.diff in allowed else msgspec.structs.replace(entry, diff=allowed[-1])


REGISTRATION = Registration(entry=FilesEntry, create=_create, many=True, limit=_limited)
