"""How deep a text is nested, found out before a parser builds anything of it. Pure.

Parsers recurse: one raises, another ends the process, a third takes time that grows with the square of the
depth. Each check here is one scan from left to right, whatever the text is.
"""

import re
from typing import Any

MAX_LEVELS = 64


class TooDeep(ValueError):  # noqa: N818 - what the text is
    """The text is nested deeper than `MAX_LEVELS`."""

    def __init__(self) -> None:
        super().__init__(f"it is nested more than {MAX_LEVELS} levels deep")


_JSON = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def check_json(text: str) -> None:
    """Raise `TooDeep` when JSON is nested too deeply; what is no JSON may pass."""
    level = 0
    for found in _JSON.finditer(text):
        level = _after(found[0], level)


_TOML = re.compile(
    r'"""(?:[^\\]|\\.)*?(?:"""|\Z)'
    r"|'''.*?(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+|[\w+\-]++|[ \t]++|.",
    re.DOTALL,
)


def check_toml(text: str) -> None:
    """Raise `TooDeep` when TOML is nested too deeply, be it by brackets or by a dotted key; what is no TOML may pass."""
    level = dots = 0
    for found in _TOML.finditer(text):
        piece = found[0]
        level = _after(piece, level)
        if piece == ".":
            dots += 1
            if dots >= MAX_LEVELS:
                raise TooDeep
        elif not (piece[0] in "\"' \t+-_" or piece[0].isalnum()):
            dots = 0  # anything else ends a key


def _after(piece: str, level: int) -> int:
    if piece in {"[", "{"}:
        if level >= MAX_LEVELS:
            raise TooDeep
        return level + 1
    return max(0, level - 1) if piece in {"]", "}"} else level


class YamlLevels:
    """Follows the events of a YAML parser, which come one by one: the stream is left before it gets too deep."""

    def __init__(self) -> None:
        from yaml.events import CollectionEndEvent, CollectionStartEvent  # the parser's user has it

        self._begins, self._ends = CollectionStartEvent, CollectionEndEvent
        self._level = 0

    def see(self, event: Any) -> Any:
        """Return the event; raise `TooDeep` when it opens one level too many."""
        if isinstance(event, self._begins):
            if self._level >= MAX_LEVELS:
                raise TooDeep
            self._level += 1
        elif isinstance(event, self._ends):
            self._level -= 1
        return event
