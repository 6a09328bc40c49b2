"""Where a scan is in its line, which quotes enclose it there, and what it has found so far. Pure."""

from typing import NamedTuple

from collectors._redaction.extent import Pieces, Span
from collectors._redaction.tokens import Token


class Opened(NamedTuple):
    """What a line leaves open: `block`, `quote`, `bracket`, `element`, `argument`, `continued`, `folded`, `heredoc`."""

    kind: str
    detail: str = ""
    depth: int = 0


class Scanned(NamedTuple):
    """What a scan found."""

    spans: list[Span]
    opened: Opened | None
    is_naming: bool
    """The line names a secret whose value another line has: `- name: DB_PASSWORD`."""
    values: list[Span]
    """What stands behind `value` or its kin: a secret when another line names it so."""

    @property
    def is_silent(self) -> bool:
        """Return whether the line says nothing of itself or of others."""
        return not self.spans and self.opened is None and not self.is_naming


NOTHING = Scanned([], None, is_naming=False, values=[])
"""Of a line that was not looked at; nobody adds to it."""


class Cursor:
    """A place in a line that only moves on."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        self.text = pieces.text
        self.at = 0
        self.enclosing = ""
        """The quote that is open here."""
        self.spans: list[Span] = []
        self.opened: Opened | None = None

    def advance(self, index: int) -> None:
        """Move on to the piece at `index`."""
        while self.at < min(index, len(self.pieces)):
            token = self.pieces.tokens[self.at]
            self.at += 1
            if token.kind == "quote":
                self.quote(token)

    def quote(self, token: Token) -> None:
        """Take note of a quote that was passed."""
        if self.enclosing == token.text:
            self.enclosing = ""
        elif not self.enclosing and not (
            token.text == "'" and self.text[token.start - 1 : token.start].isalnum()
        ):
            self.enclosing = token.text

    def advance_to_character(self, position: int) -> None:
        """Move on to the piece that begins at `position` in the line, or after it."""
        self.advance(self.pieces.at_character(position, self.at))

    def mask(self, start: int, end: int) -> None:
        """Take note of a part to mask, without the blanks around it."""
        span = self.pieces.trimmed(start, end)
        if span.end > span.start:
            self.spans.append(span)
