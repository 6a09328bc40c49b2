"""The agent's modules and those it needs, in one directory that serves every Python it is built for.

What is downloaded has to have the hash that is written down for it. Nothing is taken from the environment that builds.
A wheel for one Python differs from that for another in its extension modules alone, and their names tell them apart.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

PYTHONS = ("3.11", "3.12", "3.13")
GLIBC = "2.28"
"""The oldest C library that the extension modules run with: older than that of any host with these Pythons."""

_PLATFORMS = ("manylinux_2_5", "manylinux1", "manylinux_2_12", "manylinux2010", "manylinux_2_17")
_PLATFORMS += ("manylinux2014", "manylinux_2_28")
_NOT_INSTALLED = ("*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "*/py.typed")
_OF_THE_WHEEL = ("RECORD", "WHEEL", "INSTALLER", "entry_points.txt", "top_level.txt", "zip-safe")
_LEFT_OUT = ("pygments", "markdown_it_py", "mdurl", "shtab")
"""What rich needs to highlight source text and to show Markdown, which no command does: a fifth of the whole. And what
completions are made with: a package brings them made."""


class Difference(Exception):  # noqa: N818 - it says what was found
    """Two wheels have different files of one name."""


def download(requirements: Path) -> list[Path]:
    """Return the wheels for every Python; what the cache has is not downloaded again."""
    found: dict[str, Path] = {}
    for python in PYTHONS:
        key = hashlib.sha256(requirements.read_bytes() + python.encode()).hexdigest()[:16]
        directory = _cache() / f"package-wheels-{key}"
        if not directory.is_dir():
            with tempfile.TemporaryDirectory(dir=_cache()) as scratch:
                _download(requirements, python, Path(scratch, "wheels"))
                Path(scratch, "wheels").rename(directory)
        found |= {wheel.name: wheel for wheel in directory.glob("*.whl")}
    return [found[name] for name in sorted(found) if not name.startswith(_LEFT_OUT)]


def build_ours(checkout: Path, directory: Path) -> Path:
    """Return the wheel of the checkout."""
    _pip("wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={directory}", checkout)
    return next(directory.glob("sts_agent-*.whl"))


def merge(wheels: list[Path], directory: Path) -> None:
    """Unpack what runs of all wheels into one directory; raises `Difference`."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                if not name.endswith("/") and is_needed(name):
                    _put(archive.read(name), directory / name, wheel)


def strip(directory: Path) -> None:
    """Take from the extension modules what only a debugger reads: two thirds of them."""
    extensions = sorted(directory.rglob("*.so"))
    subprocess.run(["strip", "--strip-unneeded", "--enable-deterministic-archives", *extensions], check=True)


def set_version(directory: Path, version: str) -> None:
    """Make the agent go by another version, as the next release will."""
    [metadata] = directory.glob("sts_agent-*.dist-info/METADATA")
    _replace_line(metadata, "Version: ", f"Version: {version}")
    _replace_line(directory / "agent/__init__.py", "__version__ = ", f'__version__ = "{version}"')
    metadata.parent.rename(directory / f"sts_agent-{version}.dist-info")


def is_needed(name: str) -> bool:
    """Return whether a file of a wheel is installed."""
    path = PurePosixPath(name)
    if "tests" in path.parts or any(fnmatch(name, pattern) for pattern in _NOT_INSTALLED):
        return False
    return not (path.parts[0].endswith(".data") or (".dist-info/" in name and path.name in _OF_THE_WHEEL))


def _replace_line(file: Path, beginning: str, line: str) -> None:
    lines = file.read_text().splitlines()
    file.write_text("".join(f"{line if one.startswith(beginning) else one}\n" for one in lines))


def _put(content: bytes, target: Path, wheel: Path) -> None:
    if target.exists() and target.read_bytes() != content:
        raise Difference(f"{target.name} of {wheel.name} is not that of another Python's wheel")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _cache() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sts-agent"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _download(requirements: Path, python: str, directory: Path) -> None:
    wanted = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    wanted += [f"--platform={platform}_x86_64" for platform in _PLATFORMS]
    hashed = ["--no-deps", "--require-hashes", f"--requirement={requirements}"]
    _pip("download", *wanted, *hashed, f"--dest={directory}")


def _pip(*arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True
    )
