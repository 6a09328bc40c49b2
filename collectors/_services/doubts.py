"""What entries for services can never come true on a host, in sentences for the operator. Pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase

from collectors._services.scope import Watched
from collectors._services.unit_files import UnitFiles

_SUFFIX = ".service"
_ALL = "*.service"
_OTHER_TYPES = ("socket", "timer", "target", "mount", "automount", "path", "slice", "scope", "device", "swap")
_GLOB = re.compile(r"[*?\[]")
_IMPOSSIBLE = re.compile(r"[^A-Za-z0-9:_.\\@*?\[\]!-]")
_ALIKE = 0.7


def doubts(entries: Sequence[Watched], files: UnitFiles, loaded: Collection[str] = ()) -> Iterator[str]:
    """Yield a sentence for each pattern that fits no service of a host with these unit files, and why.

    Of the alternatives in braces it is enough that one fits.
    """
    names = {*files.names, *files.aliases, *loaded}
    patterns = dict.fromkeys(pattern for entry in entries for pattern in entry.units if pattern != _ALL)
    said = {pattern: _doubt(pattern, files, names) for pattern in patterns}
    for entry in entries:
        for alternatives in entry.either:
            if not all(said.get(one) for one in alternatives):
                said.update(dict.fromkeys(alternatives, ""))
    yield from filter(None, said.values())
    for entry in entries:
        for pattern in entry.units:
            if not _GLOB.search(pattern) and not entry.matches(_with_suffix(pattern)):
                yield f"{pattern!r} is excluded by the entry that names it"


def _doubt(pattern: str, files: UnitFiles, names: Collection[str]) -> str:
    if impossible := _IMPOSSIBLE.search(pattern):
        return f"{pattern!r} can fit no service: no unit has {impossible[0]!r} in its name"
    stem, _, suffix = pattern.rpartition(".")
    if suffix in _OTHER_TYPES:
        return f"{pattern!r} is no service{_meant(stem, names)}"
    if _GLOB.search(pattern):
        fits = any(fnmatchcase(name, pattern) or fnmatchcase(name, pattern + _SUFFIX) for name in names)
        return "" if fits else f"no service of this host fits {pattern!r}"
    name = _with_suffix(pattern)
    if name in names or files.has(name):
        return ""
    return f"{pattern!r} is no service of this host{_meant(name, names)}"


def _with_suffix(name: str) -> str:
    return name if name.endswith(_SUFFIX) else name + _SUFFIX


def _meant(name: str, names: Collection[str]) -> str:
    """Return a question with the name that is most like one, where one is."""
    import difflib

    stems = {one.removesuffix(_SUFFIX): one for one in sorted(names)}
    close = difflib.get_close_matches(name.removesuffix(_SUFFIX), stems, n=1, cutoff=_ALIKE)
    return f" (did you mean {stems[close[0]]}?)" if close else ""
