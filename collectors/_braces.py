"""Braces in a pattern, as shells have them: `{a,b}` stands for one pattern with `a` and one with `b`. Pure."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

MAX_ALTERNATIVES = 100
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def expand_braces(pattern: str) -> Iterator[str]:
    """Yield the patterns that a pattern stands for; braces without a comma stay as they are."""
    waiting = [pattern]
    while waiting:
        one = waiting.pop()
        found = _BRACES.search(one)
        if found is None:
            yield one
        else:
            alternatives = reversed(found[1].split(","))
            waiting += [one[: found.start()] + text + one[found.end() :] for text in alternatives]


def expanded(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return all that patterns stand for; raises `ValueError` where one stands for more than anybody means."""
    out: list[str] = []
    for pattern in patterns:
        alternatives = tuple(islice(expand_braces(pattern), MAX_ALTERNATIVES + 1))
        if len(alternatives) > MAX_ALTERNATIVES:
            raise ValueError(f"`{pattern:.40}` stands for more than {MAX_ALTERNATIVES} patterns")
        out += alternatives
    return tuple(out)
