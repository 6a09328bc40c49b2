"""The arguments of a line as a shell or a configuration file has them, also of a command in quotes. Pure."""

import re
from collections.abc import Iterator, Sequence

from collectors._redaction.tokens import Chunk

Arguments = Sequence[Chunk]

_ARGUMENT = re.compile(
    r"""(?P<quote>\\*+["'])(?P<quoted>.{0,4096}?)(?P=quote)|(?P<bare>[^\s"'`;|()\[\]{}]++)|(?P<end>[|;])"""
)
_INNER = re.compile(r"""\\*+["']?(?P<text>[^\s"'\\]++(?:["'][^\s"']++(?=["']))?)""")


def arguments_of(line: str, start: int) -> Iterator[Chunk]:
    """Yield the arguments of a line from `start` on; those of a command in quotes follow the whole of it."""
    for found in _ARGUMENT.finditer(line, start):
        group = found.lastgroup or "bare"
        text = found[group].rstrip(",") if group == "bare" else found[group]
        if text:
            yield Chunk(text, found.start(group), found.start(group) + len(text))
        if group == "quoted" and " " in text:
            for inner in _INNER.finditer(line, found.start(group), found.end(group)):
                yield Chunk(inner["text"], inner.start("text"), inner.end("text"))
