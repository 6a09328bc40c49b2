"""What this host says of a unit that failed: which files its unit names, which packages it comes from and needs.

Read when something fails, never before; what cannot be read is left out. It reads a bounded part of each file and follows
nothing that a unit file says.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from agent.events.preceding import Facts, is_kin

_DIRECTORIES = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)
_UNIT = re.compile(r"[\w@.:\\-]{1,255}", re.ASCII)
_PATH = re.compile(r"(?<![\w$}/])-?(/[\w@%+:.,/-]+)")
_UNIT_FILE_BYTES = 65_536
_STATUS_BYTES = 32 << 20
_LIST_BYTES = 4 << 20
_PACKAGED = re.compile(rb"^(?:/usr)?/lib/systemd/system/.+\.(?:service|conf)$", re.MULTILINE)
_NEEDS = re.compile(r"[a-z0-9][a-z0-9+.-]+")


def read_facts(unit: str, root: Path = Path("/")) -> Facts:
    """Return them; nothing where `unit` is no name of one."""
    if not _UNIT.fullmatch(unit):
        return Facts()
    paths: set[str] = set()
    files: set[str] = set()
    for file in _unit_files(unit, root):
        files.add("/" + str(file.relative_to(root)))
        paths.update(found.rstrip(".,:") for found in _PATH.findall(_text(file)))
    name = unit.partition(".")[0].partition("@")[0]
    dpkg = root / "var/lib/dpkg"
    brought = _brought_by(dpkg / "info")
    owners = {brought[file] for file in files if file in brought}  # that of ssh.service is called otherwise
    return Facts(frozenset(files | paths), _packages(name, owners, dpkg / "status"))


def _unit_files(unit: str, root: Path) -> Iterator[Path]:
    stem, _, kind = unit.rpartition(".")
    names = dict.fromkeys((unit, f"{stem.partition('@')[0]}@.{kind}" if "@" in stem else unit))
    for directory in _DIRECTORIES:
        for name in names:
            file = root / directory / name
            if file.is_file():
                yield file
            with suppress(OSError):
                yield from sorted((root / directory / f"{name}.d").glob("*.conf"))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_UNIT_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _brought_by(lists: Path) -> Mapping[str, str]:
    """Return the package that brought each unit file and drop-in, as dpkg has it."""
    try:
        return _read_lists(lists, lists.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=1)  # hundreds of files, and many services may fail at once
def _read_lists(lists: Path, _changed_ns: int) -> Mapping[str, str]:
    """Read the lists of files; dpkg puts a new one in place of the old, which is seen by the time of their directory."""
    found: dict[str, str] = {}
    for file in lists.glob("*.list"):
        with suppress(OSError), file.open("rb") as opened:
            text = opened.read(_LIST_BYTES)
            if b"/systemd/system/" in text:
                package = file.stem.partition(":")[0]
                found.update((os.fsdecode(path), package) for path in _PACKAGED.findall(text))
    return found


def _packages(name: str, owners: Collection[str], status: Path) -> dict[str, str]:
    """Return the packages that it comes from, those of its name and its kin, and what these need, each with how."""
    needed: dict[str, str] = {}
    own: dict[str, str] = {}
    for package, needs in _dependencies(status):
        if package in owners or is_kin(package, name):
            own[package] = "its package"
            for need in needs:
                needed.setdefault(need, f"{package} needs it")
    return needed | own


def _dependencies(status: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each installed package of dpkg with what it needs directly."""
    try:
        with status.open("rb") as opened:
            text = opened.read(_STATUS_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    for paragraph in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph.split("\n")
            if line.startswith(("Package: ", "Depends: ", "Pre-Depends: "))
        )
        if "Package" in fields:
            needs = ",".join(filter(None, (fields.get("Depends"), fields.get("Pre-Depends"))))
            yield (
                fields["Package"],
                [found[0] for one in re.split(r"[,|]", needs) if (found := _NEEDS.match(one.strip()))],
            )
