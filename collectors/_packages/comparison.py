"""What has to have happened between two looks at a database. Pure."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from collectors._packages.database import Packages


class VersionChange(msgspec.Struct, frozen=True):
    """A package that went from one version to another; empty where it was or is not there."""

    key: str
    old: str
    new: str
    action: str


class Difference(msgspec.Struct, frozen=True):
    """A package whose versions differ between two looks; `was` is its key in the earlier one."""

    key: str
    was: str
    old: tuple[str, ...]
    new: tuple[str, ...]


def differences(before: Packages, after: Packages) -> Iterator[Difference]:
    """Yield the packages that differ, in order of name."""
    moved = _moved(before, after)
    for key in sorted((before.keys() | after.keys()) - set(moved.values())):
        was = moved.get(key, key)
        old, new = before.get(was, ()), after.get(key, ())
        if old != new or was != key:
            yield Difference(key, was, old, new)


def _moved(before: Packages, after: Packages) -> dict[str, str]:
    """Return packages that are new under one architecture and gone under another: new key -> old key."""
    gone, come = _by_name(before.keys() - after.keys()), _by_name(after.keys() - before.keys())
    return {
        come[name][0]: gone[name][0]
        for name in gone.keys() & come.keys()
        if len(gone[name]) == len(come[name]) == 1
    }


def _by_name(keys: Iterable[str]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for key in keys:
        named.setdefault(key.rpartition(":")[0], []).append(key)
    return named


def changes_of(difference: Difference, compare: Callable[[str, str], int]) -> Iterator[VersionChange]:
    """Yield what has to have happened to one package."""
    key, old, new = difference.key, difference.old, difference.new
    gone = [version for version in old if version not in new]
    come = [version for version in new if version not in old]
    if len(old) == len(new) == len(gone) == len(come) == 1:
        action = "upgraded" if compare(come[0], gone[0]) > 0 else "downgraded"
        yield VersionChange(key, gone[0], come[0], action)
        return
    for version in gone:
        yield VersionChange(key, version, "", "removed")
    for version in come:
        yield VersionChange(key, "", version, "installed")
