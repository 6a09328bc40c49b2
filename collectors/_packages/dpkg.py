"""dpkg's status database, and its log as evidence of when.

The status file is replaced as a whole at the end of a run and at checkpoints; what a run that was
killed did since lies in `updates/`. apt and its kin hold `lock-frontend` around all their runs.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from collectors._locked import holder_of
from collectors._packages.database import ANY_TIME, DatabaseError, Moment, Packages, Signature
from collectors._packages.version import compare_dpkg

_ABSENT = {b"not-installed", b"config-files"}
"""States in which none of a package's files is there but its configuration: dpkg(1), "Package states"."""

_LOG_BYTES = 4 * 1024 * 1024
_LOG_LINE = re.compile(
    r"(?P<time>\d{4}-[01]\d-[0-3]\d [0-2]\d:[0-5]\d:[0-5]\d) status "
    r"(?P<state>installed|not-installed|config-files|unpacked|half-configured|triggers-\w+) (?P<key>\S+) "
)


class Dpkg:
    """The database below `root`."""

    manager = "dpkg"

    def __init__(self, root: Path = Path("/")) -> None:
        self.directory = root / "var/lib/dpkg"
        self._status = self.directory / "status"
        self._updates = self.directory / "updates"
        self.odd: dict[str, Exception] = {}
        self._logs = (root / "var/log/dpkg.log.1", root / "var/log/dpkg.log")

    def exists(self) -> bool:
        """Return whether this host has a status file."""
        return self._status.exists()

    def is_locked(self) -> bool:
        """Return whether dpkg or a front end of its is at work."""
        return any(holder_of(self.directory / name) is not None for name in ("lock-frontend", "lock"))

    def signature(self) -> Signature:
        """Return inode, size and times of what `read` would read."""
        try:
            status, updates = self._status.stat(), self._updates.stat()
        except OSError as error:
            raise DatabaseError(f"{error.filename}: {error.strerror}") from None
        return (
            status.st_ino,
            status.st_size,
            status.st_mtime_ns & ANY_TIME,
            updates.st_mtime_ns & ANY_TIME,
        )

    def read(self) -> Packages:
        """Return what is installed, half-done updates included."""
        packages: dict[str, tuple[str, ...]] = {}
        self.odd = {}
        try:
            for file in (self._status, *self._journal()):
                with file.open("rb") as lines:
                    packages.update(parse_status(lines, self.odd))
        except OSError as error:
            raise DatabaseError(f"{error.filename}: {error.strerror}") from None
        if not packages:
            raise DatabaseError(f"{self._status} is empty")
        return {key: version for key, version in packages.items() if version}

    def compare(self, one: str, other: str) -> int:
        """Return the order of two versions by deb-version(7)."""
        return compare_dpkg(one, other)

    def moments(self, keys: Iterable[str]) -> Mapping[str, Moment]:
        """Return the last entry of the log about each package."""
        wanted = set(keys)
        last: dict[str, tuple[str, str]] = {}
        for log in self._logs:
            last.update((key, (moment, log.name)) for key, moment in parse_log(_tail(log)) if key in wanted)
        moments: dict[str, Moment] = {}
        for key, (moment, name) in last.items():
            with suppress(ValueError, OverflowError):  # a log may hold anything after a crash
                moments[key] = Moment(_seconds(moment), name)
        return moments

    def _journal(self) -> list[Path]:
        return sorted(file for file in self._updates.iterdir() if file.name.isdigit())


def parse_status(
    lines: Iterable[bytes], odd: MutableMapping[str, Exception]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield `name:architecture` and its version, or none where it is known and not installed.

    What a stanza raises is put into `odd`, by the package's name.
    """
    stanza: dict[bytes, bytes] = {}
    for line in chain(lines, [b"\n"]):
        if line in {b"\n", b"\r\n"}:
            if b"Package" in stanza:
                try:
                    found = _read_stanza(stanza)
                except Exception as error:  # noqa: BLE001 - whatever a stanza makes Python do, it is its package's trouble
                    odd[stanza[b"Package"].decode(errors="replace")] = error
                else:
                    yield found
            stanza = {}
        elif line[:1] not in b" \t":
            field, _, value = line.partition(b":")
            if field in {b"Package", b"Status", b"Architecture", b"Version"}:
                stanza[field] = value.strip()


def _read_stanza(stanza: Mapping[bytes, bytes]) -> tuple[str, tuple[str, ...]]:
    key = b"%s:%s" % (stanza[b"Package"], stanza.get(b"Architecture", b"all"))
    state = stanza.get(b"Status", b"").rpartition(b" ")[2]
    version = stanza.get(b"Version", b"")
    versions = () if state in _ABSENT or not version else (version.decode(errors="replace"),)
    return key.decode(errors="replace"), versions


def parse_log(text: str) -> Iterator[tuple[str, str]]:
    """Yield `name:architecture` and the moment of each change of its state, in local time as written."""
    for line in text.split("\n"):
        if entry := _LOG_LINE.match(line):
            yield entry["key"], entry["time"]


def _seconds(moment: str) -> int:
    return int(time.mktime(time.strptime(moment, "%Y-%m-%d %H:%M:%S")))


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _LOG_BYTES, 0))
            return file.read(_LOG_BYTES).decode(errors="replace")
    except OSError:
        return ""
