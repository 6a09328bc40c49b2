"""Which of two versions is the newer, as dpkg and as rpm order them. Pure."""

import re
from collections.abc import Callable
from itertools import zip_longest

_DPKG_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_RPM_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")


def compare_dpkg(one: str, other: str) -> int:
    """Return less than, equal to or greater than 0, by deb-version(7)."""
    return _compare(one, other, _compare_dpkg_part)


def compare_rpm(one: str, other: str) -> int:
    """Return less than, equal to or greater than 0, for `epoch:version-release`, by rpm-version(7)."""
    return _compare(one, other, _compare_rpm_part)


def _compare(one: str, other: str, compare_part: Callable[[str, str], int]) -> int:
    orders = map(compare_part, _split(one), _split(other))
    return next(filter(None, orders), 0)


def _split(version: str) -> tuple[str, str, str]:
    """Return the epoch, the version of the program, and the revision or release of the package."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return epoch, upstream, revision


def _compare_dpkg_part(one: str, other: str) -> int:
    """Compare stretches of other characters and of digits in turn."""
    pairs = zip_longest(_DPKG_PARTS.findall(one), _DPKG_PARTS.findall(other), fillvalue=("", ""))
    for (text, digits), (other_text, other_digits) in pairs:
        mine, theirs = [_dpkg_order(c) for c in text], [_dpkg_order(c) for c in other_text]
        for here, there in zip_longest(mine, theirs, fillvalue=0):
            if here != there:
                return here - there
        if order := _compare_numbers(digits, other_digits):
            return order
    return 0


def _dpkg_order(character: str) -> int:
    """Return the weight: `~` before the end (0), letters next, anything else last."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _compare_rpm_part(one: str, other: str) -> int:
    for mine, theirs in zip_longest(_RPM_PARTS.findall(one), _RPM_PARTS.findall(other), fillvalue=""):
        if mine != theirs and (order := _compare_rpm_segment(mine, theirs)):
            return order
    return 0


def _compare_rpm_segment(mine: str, theirs: str) -> int:
    """Compare two different segments: `~` sorts before the end, `^` after it but before anything else."""
    weights = [_rpm_weight(segment) for segment in (mine, theirs)]
    if weights[0] != weights[1]:
        return weights[0] - weights[1]
    if mine.isdigit():
        return _compare_numbers(mine, theirs)
    return (mine > theirs) - (mine < theirs)


def _compare_numbers(one: str, other: str) -> int:
    """Compare two stretches of digits of any length: `int` refuses those of thousands of digits."""
    mine, theirs = one.lstrip("0"), other.lstrip("0")
    if len(mine) != len(theirs):
        return len(mine) - len(theirs)
    return (mine > theirs) - (mine < theirs)


def _rpm_weight(segment: str) -> int:
    if segment.isdigit():
        return 4
    return {"~": 0, "": 1, "^": 2}.get(segment, 3)
