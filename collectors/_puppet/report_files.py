"""Where Puppet leaves its reports, and which of them are new.

`last_run_report.yaml` is written by every run and holds the last one. The reports directory keeps them
all, one file a minute, where the setting `reports` has `store` (Puppet's default).
"""

import contextlib
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import msgspec

from collectors._troubles import apart

DEFAULT_DIRECTORIES = (
    Path("/opt/puppetlabs/puppet/cache/reports"),
    Path("/var/cache/puppet/reports"),
    Path("/var/lib/puppet/reports"),
)
"""Of Puppet's own packages, of Debian's, and of older ones."""

LAST_RUN = "last_run_report.yaml"
_STORED = re.compile(r"\d{12}\.yaml")


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """A report file as it was seen, and which run it held; empty where it was never read."""

    inode: int
    size: int
    mtime_ns: int
    run: str = ""
    problem: str = ""
    """Why it is no report, where it was read and is none."""

    def is_same_file(self, other: "Sighting | None") -> bool:
        """Return whether nothing was written in between."""
        mine = (self.inode, self.size, self.mtime_ns)
        return other is not None and mine == (other.inode, other.size, other.mtime_ns)


def watched_directories(report_dir: Path) -> list[Path]:
    """Return the directories in which a new report shows, or where they will be made."""
    wanted = [report_dir, *state_directories(report_dir), *_hosts(report_dir)]
    found: dict[Path, None] = {}
    for directory in wanted:
        with apart(str(directory), {}):  # said when its reports are read
            found[_existing(directory)] = None
    return list(found)


class Look(msgspec.Struct, frozen=True):
    """The report files there are, and the directories that could be listed to find them."""

    files: dict[Path, Sighting]
    listed: frozenset[Path]

    def is_gone(self, path: Path) -> bool:
        """Return whether a file is no longer there; not when nobody can tell (a missing mount, no leave)."""
        if path in self.files:
            return False
        parent = path.parent
        return parent in self.listed or (parent.parent in self.listed and not parent.exists())


def read_reports(report_dir: Path, odd: MutableMapping[str, Exception]) -> Look:
    """Read which report files there are; what one directory raises is put into `odd`."""
    listed = set()
    files = {}
    for directory in (report_dir, *state_directories(report_dir), *_hosts(report_dir)):
        with apart(str(directory), odd):
            names = _names(directory)
            if names is None:
                continue
            listed.add(directory)
            for name in names:
                if name == LAST_RUN or _STORED.fullmatch(name):
                    with contextlib.suppress(OSError):
                        stat = (directory / name).stat()
                        files[directory / name] = Sighting(stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return Look(files, frozenset(listed))


def state_directories(report_dir: Path) -> tuple[Path, Path]:
    """Return where Puppet's state may lie: beside the reports, or below what an operator named instead."""
    return report_dir.parent / "state", report_dir / "state"


def _hosts(report_dir: Path) -> Iterator[Path]:
    """Yield the directory of each host: on a Puppet server there are many."""
    for name in _names(report_dir) or ():
        if (report_dir / name).is_dir():
            yield report_dir / name


def _names(directory: Path) -> list[str] | None:
    try:
        return sorted(path.name for path in directory.iterdir())
    except OSError:
        return None


def _existing(directory: Path) -> Path:
    while not directory.is_dir() and directory != directory.parent:
        directory = directory.parent
    return directory
