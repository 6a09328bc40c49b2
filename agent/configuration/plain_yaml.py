"""The parts of PyYAML that read a text into nodes and write nodes down, without the rest of it: two of five of what its package loads.

Its package also builds Python objects, and brings a parser in C, which would end the process on hostile depth. Both are loaded by
whoever imports `yaml` itself. `Text` and `CoreSchema` stand in the place of two of its parts: they compile what they search for
when they meet it.
"""

import re
from functools import cache
from io import StringIO
from typing import Any

from collectors._later import bare_package

with bare_package("yaml"):
    from yaml.composer import Composer
    from yaml.error import Mark, MarkedYAMLError
    from yaml.events import Event
    from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
    from yaml.parser import Parser
    from yaml.scanner import Scanner

__all__ = [
    "BOOL",
    "FLOAT",
    "INT",
    "NULL",
    "STR",
    "TAG",
    "Composer",
    "CoreSchema",
    "Event",
    "MappingNode",
    "Mark",
    "MarkedYAMLError",
    "Node",
    "Parser",
    "ScalarNode",
    "Scanner",
    "SequenceNode",
    "Text",
    "Unprintable",
    "serialize",
]

TAG = "tag:yaml.org,2002:"
STR, INT, FLOAT, BOOL, NULL = (TAG + name for name in ("str", "int", "float", "bool", "null"))

_TAGS = {MappingNode: TAG + "map", SequenceNode: TAG + "seq", ScalarNode: STR}
_WORDS = dict.fromkeys(("", "~", "null", "Null", "NULL"), NULL) | dict.fromkeys(
    ("true", "True", "TRUE", "false", "False", "FALSE"), BOOL
)
_BREAKS = frozenset("\n\r\x85\u2028\u2029")
_NEVER_IN_ASCII = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@cache
def _never() -> re.Pattern[str]:
    return re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@cache
def _numbers() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return (
        (INT, re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
        (
            FLOAT,
            re.compile(
                r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
            ),
        ),
    )


class Unprintable(ValueError):  # noqa: N818 - what the text is
    """A character that no YAML may hold stands in the text."""

    def __init__(self, character: str, position: int) -> None:
        super().__init__(f"U+{ord(character):04X} at {position}")
        self.character = character
        self.position = position


class Text:
    """A text as the scanner walks through it: what comes, and where that stands."""

    def __init__(self, text: str, name: str) -> None:
        """Begin; raises `Unprintable`. `name` is what the marks say their file is."""
        if found := (_NEVER_IN_ASCII if text.isascii() else _never()).search(text):
            raise Unprintable(found[0], found.start())
        self.name = name
        self.encoding = None  # which the first token tells: it is a text already
        self.index = self.line = self.column = 0
        self._text = text + "\0"

    def peek(self, index: int = 0) -> str:
        """Return the character that comes after so many others; a zero after the last one."""
        return self._text[self.index + index]

    def prefix(self, length: int = 1) -> str:
        """Return the next characters, fewer at the end."""
        return self._text[self.index : self.index + length]

    def forward(self, length: int = 1) -> None:
        """Pass so many characters."""
        begin, self.index = self.index, min(self.index + length, len(self._text))
        passed = self._text[begin : self.index]
        if _BREAKS.isdisjoint(passed):
            self.column += len(passed) - passed.count("\ufeff")
            return
        for place, character in enumerate(passed, begin + 1):
            if character in _BREAKS and not (character == "\r" and self._text[place : place + 1] == "\n"):
                self.line += 1
                self.column = 0
            elif character != "\ufeff":
                self.column += 1

    def get_mark(self) -> Mark:
        """Return where we are."""
        return Mark(self.name, self.index, self.line, self.column, None, 0)


class CoreSchema:
    """The core schema of YAML 1.2.2, chapter 10.3: what a node without a tag is."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        """Return the tag; `implicit` says of a scalar whether it stands there plain."""
        if kind is ScalarNode and implicit[0]:
            if tag := _WORDS.get(value):
                return tag
            if value[0] in "-+.0123456789":
                return next((tag for tag, pattern in _numbers() if pattern.fullmatch(value)), STR)
        return _TAGS[kind]

    def descend_resolver(self, *_: object) -> None:
        """Do nothing: no tag depends on where a node stands."""

    def ascend_resolver(self) -> None:
        """Do nothing, as above."""


def serialize(root: Node) -> str:
    """Return a tree as a text that is read as the same tree."""
    with bare_package("yaml"):
        from yaml.emitter import Emitter
        from yaml.serializer import Serializer

    class Dumper(Emitter, Serializer, CoreSchema):
        """Writes the nodes that it is given."""

        def __init__(self, stream: StringIO) -> None:
            Emitter.__init__(self, stream, allow_unicode=True)
            Serializer.__init__(self)

    stream = StringIO()
    dumper = Dumper(stream)
    dumper.open()
    dumper.serialize(root)
    dumper.close()
    return stream.getvalue()
