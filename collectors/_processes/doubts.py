"""What entries for processes can never come true on a host, in sentences for the operator."""

import pwd
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from collectors._processes.match import Wanted

_GLOB = re.compile(r"[*?\[]")
_BRACES = re.compile(r"\{[^{}]*,[^{}]*\}")


def is_user(name: str) -> bool:
    """Return whether this host knows a user; one without a name goes by number."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return name.isdecimal()
    return True


def find_doubts(
    wanted: Sequence[Wanted], root: Path, is_user: Callable[[str], bool] = is_user
) -> Iterator[str]:
    """Yield a sentence for each pattern that fits no process of the host below `root`, and why."""
    for one in wanted:
        with suppress(Exception):  # what a host does not let be looked at is no doubt, and nothing to end for
            doubts = [*_of_names(one), *_of_exe(one, root), *_of_user(one, is_user)]
            yield from [f"{one.label}: {doubt}" for doubt in doubts]


def _of_names(one: Wanted) -> Iterator[str]:
    for key, pattern in (("name", one.name), ("exe", one.exe)):
        if pattern and _BRACES.search(pattern):
            yield f"{key} {pattern!r} has braces, which are no alternatives here: write two entries"
    if one.name and "/" in one.name:
        yield f"name {one.name!r} is a path: give it as exe"


def _of_exe(one: Wanted, root: Path) -> Iterator[str]:
    exe = one.exe or ""
    if exe.startswith("/") and not _GLOB.search(exe) and not (root / exe.lstrip("/")).exists():
        yield f"exe {exe!r} does not exist on this host (yet)"


def _of_user(one: Wanted, is_user: Callable[[str], bool]) -> Iterator[str]:
    if one.user and not _GLOB.search(one.user) and not is_user(one.user):
        import difflib

        close = difflib.get_close_matches(one.user, sorted({entry.pw_name for entry in pwd.getpwall()}), n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        yield f"{one.user!r} is no user of this host{meant}"
