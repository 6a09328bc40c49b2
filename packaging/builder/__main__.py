"""Build a package of the checkout around this file: `python packaging/builder deb`, or `rpm`.

SOURCE_DATE_EPOCH is the time of all its files; by default that of the last commit, or of pyproject.toml.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Build what is asked for, and print where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["deb", "rpm"])
    parser.add_argument("--version", help="another than that of agent/__init__.py")
    parser.add_argument("--checkout", type=Path, default=CHECKOUT, help="another one than this")
    parser.add_argument("--output", type=Path, default=Path("dist"), metavar="DIRECTORY")
    arguments = parser.parse_args()
    checkout = arguments.checkout.resolve()
    sys.path.insert(0, str(checkout))  # the pages are written from the parsers and types of that one
    if arguments.kind == "deb":
        from deb import build
    else:
        from rpm import build
    version = arguments.version or _version_of(checkout)
    print(build(checkout, arguments.output.resolve(), version, _epoch(checkout)))


def _version_of(checkout: Path) -> str:
    found = re.search(r'^__version__ = "(.+?)"', (checkout / "agent/__init__.py").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit("agent/__init__.py names no version")
    return found[1]


def _epoch(checkout: Path) -> int:
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(said)
    command = ["git", "-C", str(checkout), "log", "-1", "--format=%ct"]
    said = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return int(said or (checkout / "pyproject.toml").stat().st_mtime)  # an unpacked sdist has no commits


main()
