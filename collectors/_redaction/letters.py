"""One expression for any of many words: a tree of their letters, so that a place in a text is left at its first wrong one. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_END = "end"
"""Ends a word in the tree."""


def letters_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return an expression that finds a place where one of the words begins."""
    tree: dict[str, Any] = {}
    for word in sorted(words):
        branch = tree
        for letter in word:
            branch = branch.setdefault(letter, {})
        branch[_END] = {}
    return re.compile(_alternatives(tree))


def _alternatives(branch: Mapping[str, Any]) -> str:
    if _END in branch:
        return ""  # whatever else begins so
    ways = [re.escape(letter) + _alternatives(further) for letter, further in branch.items()]
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"
