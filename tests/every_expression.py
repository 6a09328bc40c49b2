"""Prints every regular expression that our modules hold once they are imported, as JSON: its text and its flags.

A process of its own, since some modules put others in the place of a library's.
"""

import gc
import importlib
import json
import pkgutil
import re
import sys
from types import ModuleType

PACKAGES = ("agent", "collectors", "spool")


def main() -> None:
    """Import all, and go through what they refer to."""
    ours = [importlib.import_module(name) for package in PACKAGES for name in (package, *_below(package))]
    waiting, seen, found = [vars(module) for module in ours], set(), set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, re.Pattern):
            found.add(one)
        elif id(one) not in seen and not isinstance(one, ModuleType):
            seen.add(id(one))
            waiting += gc.get_referents(one)
    texts = sorted((_text(one.pattern), one.flags) for one in found)
    json.dump(texts, sys.stdout)


def _below(package: str) -> list[str]:
    path = importlib.import_module(package).__path__
    names = [module.name for module in pkgutil.walk_packages(path, f"{package}.")]
    return [name for name in names if not name.endswith("__main__")]


def _text(pattern: str | bytes) -> str:
    return pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern


if __name__ == "__main__":
    main()
