"""What entries for processes can never come true on a host, in sentences for the operator."""

import pwd
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from collectors._processes.match import Wanted, globs_of

_GLOB = re.compile(r"[*?\[]")


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
    """Yield a sentence for each pattern that fits no process of the host below `root`, and why.

    Of the alternatives in braces it is enough that one fits.
    """
    for one in wanted:
        with suppress(Exception):  # what a host does not let be looked at is no doubt, and nothing to end for
            doubts = [*_of_names(one), *_of_exe(one, root), *_of_user(one, is_user)]
            yield from [f"{one.label}: {doubt}" for doubt in doubts]


def _alternatives(pattern: str) -> Sequence[str]:
    itself, *others = globs_of(pattern)
    return others or (itself,)


def _of_names(one: Wanted) -> Iterator[str]:
    if one.name and all("/" in glob for glob in _alternatives(one.name)):
        yield f"name {one.name!r} is a path: give it as exe"


def _of_exe(one: Wanted, root: Path) -> Iterator[str]:
    if one.exe and not any(_may_run(glob, root) for glob in _alternatives(one.exe)):
        yield f"exe {one.exe!r} does not exist on this host (yet)"


def _may_run(glob: str, root: Path) -> bool:
    return not glob.startswith("/") or _GLOB.search(glob) is not None or (root / glob.lstrip("/")).exists()


def _of_user(one: Wanted, is_user: Callable[[str], bool]) -> Iterator[str]:
    if one.user and not any(_GLOB.search(glob) or is_user(glob) for glob in _alternatives(one.user)):
        import difflib

        close = difflib.get_close_matches(one.user, sorted({entry.pw_name for entry in pwd.getpwall()}), n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        yield f"{one.user!r} is no user of this host{meant}"
