"""rpm's database, asked through the `rpm` of the host: its files have had three formats so far.

rpm leaves out what it cannot read and calls that a success, so an answer counts only when it holds something
and comes without an error.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from collectors._locked import holder_of
from collectors._packages.database import ANY_TIME, DatabaseError, Moment, Packages, Signature
from collectors._packages.version import compare_rpm

_DIRECTORIES = ("usr/lib/sysimage/rpm", "var/lib/rpm")
_FILES = ("rpmdb.sqlite", "Packages.db", "Packages", "rpmdb.sqlite-wal")
_FORMAT = r"%{NAME}\t%{ARCH}\t%{EVR}\t%{INSTALLTIME}\n"
_SECONDS = re.compile("[0-9]{1,18}")
_QUERY_SECONDS = 120
_ERROR = re.compile("^error:", re.MULTILINE)
_ONLY_ROOT_CAN_MAKE = "unable to open database file"
_WHAT_ROOT_CAN_DO = "a query by root, as `rpm -q rpm`, makes the -wal and -shm files that may be missing"


class Rpm:
    """The database below `root`."""

    manager = "rpm"
    odd: Mapping[str, Exception] = MappingProxyType({})
    """rpm tells no package that it cannot read apart from an error of its own."""

    def __init__(self, root: Path = Path("/"), *, program: str = "rpm") -> None:
        self._root = root
        self._program = program
        there = [root / name for name in _DIRECTORIES if (root / name).is_dir()]
        self.directory = there[0] if there else root / _DIRECTORIES[-1]
        self._installed: dict[str, int] = {}

    def exists(self) -> bool:
        """Return whether this host has a database, and an rpm to ask."""
        directories = os.get_exec_path()
        programs = [os.path.join(directory, self._program) for directory in directories]  # noqa: PTH118 - as execvp does
        return bool(self._files()) and any(os.access(program, os.X_OK) for program in programs)

    def is_locked(self) -> bool:
        """Return whether a transaction is under way."""
        return holder_of(self.directory / ".rpm.lock") is not None

    def signature(self) -> Signature:
        """Return inode, size and time of the files of the database."""
        try:
            states = [file.stat() for file in self._files()]
        except OSError as error:
            raise DatabaseError(f"{error.filename}: {error.strerror}") from None
        if not states:
            raise DatabaseError(f"there is no database in {self.directory} now")
        return tuple(
            number
            for state in states
            for number in (state.st_ino, state.st_size, state.st_mtime_ns & ANY_TIME)
        )

    def read(self) -> Packages:
        """Return what is installed."""
        import subprocess  # a host of dpkg's alone never needs it

        database = f"/{self.directory.relative_to(self._root)}"
        command = [self._program, "--root", str(self._root), "--dbpath", database, "-qa", "--qf", _FORMAT]
        try:
            asked = subprocess.run(
                command,
                capture_output=True,
                timeout=_QUERY_SECONDS,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DatabaseError(f"rpm cannot be asked: {error}") from None
        said = asked.stderr.decode(errors="replace").strip()
        if asked.returncode != 0 or _ERROR.search(said):
            hint = f"; {_WHAT_ROOT_CAN_DO}" if _ONLY_ROOT_CAN_MAKE in said else ""
            raise DatabaseError(f"rpm -qa: {said[:200]}{hint}")
        packages, installed = parse_query(asked.stdout.decode(errors="replace"))
        if not packages:
            raise DatabaseError(f"no package is said to be in {self.directory}")
        self._installed = installed
        return packages

    def compare(self, one: str, other: str) -> int:
        """Return the order of two versions by rpm-version(7)."""
        return compare_rpm(one, other)

    def moments(self, keys: Iterable[str]) -> Mapping[str, Moment]:
        """Return when each was installed; of a removal rpm keeps nothing."""
        return {key: Moment(self._installed[key], "rpm database") for key in keys if key in self._installed}

    def _files(self) -> list[Path]:
        return [self.directory / name for name in _FILES if (self.directory / name).exists()]


def parse_query(text: str) -> tuple[Packages, dict[str, int]]:
    """Return the packages, and when the newest of each name was installed, in seconds."""
    packages: dict[str, tuple[str, ...]] = {}
    installed: dict[str, int] = {}
    for fields in (line.split("\t") for line in text.split("\n")):
        if len(fields) != _FORMAT.count("%") or fields[0] == "gpg-pubkey":
            continue  # a key, kept as if it were a package
        name, architecture, version, seconds = fields
        key = f"{name}:{architecture}"
        packages[key] = tuple(sorted({*packages.get(key, ()), version}))
        if _SECONDS.fullmatch(seconds):  # a damaged header says `(none)`
            installed[key] = max(installed.get(key, 0), int(seconds))
    return packages, installed
