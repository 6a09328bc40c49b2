"""A line taken apart once, from left to right; every rule looks at these pieces. Pure, and linear in the line."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MASKED = re.compile(r"<masked:[0-9a-f]{12}>")
_TOKEN = re.compile(
    r"""(?P<space>\s++)|(?P<masked><masked:[0-9a-f]{12}>)|(?P<quote>\\++["'`]|["'`])|(?P<word>[\w.\-]++)|(?P<mark>\\++|.)""",
    re.DOTALL,
)
_CHUNK = re.compile(r"""[^\s"'`<>,;(){}|\\]++""")
_BODY = re.compile(
    r"(?P<before>\s*+)(?P<marker>(?:#++!?|//++|;++)(?>(?:\s*+(?:#++|//++|;++)){0,200})|--(?=\s)|<!--|%++(?=\s)|(?i:rem|dnl)(?=\s))?(?P<after>\s*+)"
)


class Token(NamedTuple):
    """A piece of a line: blanks, a quote with the backslashes before it, a word, or one other character."""

    kind: str
    text: str
    start: int
    end: int


class Chunk(NamedTuple):
    """What stands between blanks, quotes and brackets: an argument, a URL, a value."""

    text: str
    start: int
    end: int


class Body(NamedTuple):
    """Where the text of a line begins behind its indentation and the mark that comments it out."""

    start: int
    marker: str
    indent: int
    """How deep the line itself stands, its mark counted as text."""


def words_in(text: str) -> frozenset[str]:
    """Return the words of a table that is written as text."""
    return frozenset(text.split())


def tokens_of(line: str, start: int = 0) -> list[Token]:
    """Return the line's pieces from `start` on, in order; together they are the line."""
    return [
        Token(found.lastgroup or "mark", found[0], found.start(), found.end())
        for found in _TOKEN.finditer(line, start)
    ]


def chunks_of(line: str, start: int = 0) -> Iterator[Chunk]:
    """Yield what stands between blanks, quotes and brackets from `start` on."""
    for found in _CHUNK.finditer(line, start):
        yield Chunk(found[0], found.start(), found.end())


def body_of(line: str) -> Body:
    """Return where the text begins behind blanks and a comment's mark; a mark that belongs to the text is one too."""
    found = _BODY.match(line)
    if found is None:  # every part of it may be empty
        return Body(0, "", 0)
    return Body(found.end(), found["marker"] or "", len(found["before"]) if found["marker"] else found.end())
