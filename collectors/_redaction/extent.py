"""How far a value reaches within its line: a quoted one, a bare one, a list. Pure; every search looks at a piece once."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from collectors._redaction.tokens import Token

_BRACKETS = {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}
_BETWEEN = frozenset(",;:=>|")


class Span(NamedTuple):
    """Where in a line something stands that is to be masked."""

    start: int
    end: int


class Quoted(NamedTuple):
    """What stands in quotes: its characters, the piece that closes it, and the piece behind it."""

    start: int
    end: int
    close: int
    behind: int
    width: int
    """How many quotes open it."""


class Pieces:
    """The pieces of one line, with what lies ahead of each."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self._quotes: dict[str, list[int]] = {}
        self._breaks: dict[str, list[int]] = {}
        self._end = trimmed(text, 0, len(text)).end
        for index, token in enumerate(tokens):
            if token.kind == "quote":
                self._quotes.setdefault(token.text, []).append(index)

    def __len__(self) -> int:
        return len(self.tokens)

    def is_at(self, index: int, texts: frozenset[str] | str) -> bool:
        """Return whether the piece at `index` is one of `texts`."""
        return index < len(self.tokens) and self.tokens[index].text in texts and self.tokens[index].text != ""

    def is_quote(self, index: int) -> bool:
        """Return whether a quote stands at `index`."""
        return index < len(self.tokens) and self.tokens[index].kind == "quote"

    def is_word(self, index: int) -> bool:
        """Return whether a word stands at `index`."""
        return index < len(self.tokens) and self.tokens[index].kind == "word"

    def after_space(self, index: int) -> int:
        """Return `index`, or the next when blanks stand there."""
        return index + 1 if index < len(self.tokens) and self.tokens[index].kind == "space" else index

    def next_quote(self, quote: str, index: int) -> int:
        """Return where `quote` stands next, at `index` or after it; beyond the end when nowhere."""
        places = self._quotes.get(quote, [])
        at = bisect_left(places, index)
        return places[at] if at < len(places) else len(self.tokens)

    def closing(self, index: int) -> int:
        """Return where the quote that opens at `index` closes; beyond the end when it stays open."""
        quote = self.tokens[index].text
        if not self.is_triple(index):
            return self.next_quote(quote, index + 1)
        at = index + 3
        while (at := self.next_quote(quote, at)) < len(self.tokens):
            if self.is_triple(at):
                return at
            at += 1
        return len(self.tokens)

    def quoted(self, index: int) -> Quoted:
        """Return what is quoted from `index` on, with what follows without a blank: `'abc'12` is one value, as `''000` is."""
        close = self.closing(index)
        width = 3 if self.is_triple(index) and close != index + 1 else 1
        start, end, behind = self.start(index + width), self.start(close), close + width
        is_empty = start == end and behind < len(self.tokens)
        goes_on = self.is_word(behind) and self.tokens[behind].text[0] not in ".-"  # `"".join(…)`
        goes_on = goes_on or (is_empty and not _breaks(self.tokens[behind], ",;:)]}>/+.-&~|\\"))
        if goes_on and self.tokens[index].text != "`":
            behind = self.word_end(behind)
            end = self.start(behind)
        return Quoted(start, end, close, behind, width)

    def word_end(self, index: int, stops: str = "") -> int:
        """Return the piece before which a word ends: at a blank, a quote, or one of `stops`."""
        places = self._breaks.get(stops)
        if places is None:
            places = [at for at, token in enumerate(self.tokens) if _breaks(token, stops)]
            self._breaks[stops] = places
        at = bisect_left(places, index)
        return places[at] if at < len(places) else len(self.tokens)

    def trimmed(self, start: int, end: int) -> Span:
        """Return the span without blanks around it, and without a comma or semicolon at its end."""
        return trimmed(self.text, start, min(end, max(self._end, start)))

    def is_triple(self, index: int) -> bool:
        """Return whether three quotes of a kind stand at `index`."""
        quote = self.tokens[index].text
        return all(self.is_quote(at) and self.tokens[at].text == quote for at in (index + 1, index + 2))

    def start(self, index: int) -> int:
        """Return where in the line the piece at `index` begins."""
        return self.tokens[index].start if index < len(self.tokens) else len(self.text)

    def at_character(self, position: int, index: int) -> int:
        """Return the first piece from `index` on that begins at `position` or after it."""
        while index < len(self.tokens) and self.tokens[index].start < position:
            index += 1
        return index


def _breaks(token: Token, stops: str) -> bool:
    return token.kind in {"space", "quote"} or (token.kind == "mark" and token.text in stops)


def trimmed(text: str, start: int, end: int) -> Span:
    """Return the span without blanks around it, and without a comma or semicolon at its end."""
    while end > start and (text[end - 1].isspace() or text[end - 1] in ",;"):
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    return Span(start, end)


def stripped(line: str, start: int, end: int) -> Span:
    """Return the span from its first character that is no blank, as long as its text is without blanks, commas and semicolons behind."""
    text = line[start:end]
    start += len(text) - len(text.lstrip())
    return Span(start, start + len(line[start:end].rstrip().rstrip(",;")))


class Bracketed:
    """A walk over a list or mapping that begins on this line: every scalar of it, but for its keys."""

    def __init__(self, pieces: Pieces, index: int, depth: int = 0) -> None:
        self._pieces = pieces
        self.index = index
        self.depth = depth

    def spans(self) -> Iterator[Span]:
        """Yield the scalars up to the bracket that closes; then `index` is behind it and `depth` 0, or at the line's end."""
        pieces = self._pieces
        while self.index < len(pieces):
            token = pieces.tokens[self.index]
            if token.text in _BRACKETS:
                self.depth += _BRACKETS[token.text]
                self.index += 1
                if self.depth <= 0:
                    return
            elif token.kind in {"space", "masked"} or token.text in _BETWEEN:
                self.index += 1
            else:
                span = self._scalar(token)
                is_key = pieces.is_at(pieces.after_space(self.index), frozenset(":="))
                if span.end > span.start and not is_key:
                    yield span

    @property
    def end(self) -> int:
        """Where in the line it ended, or the line did."""
        return self._pieces.start(self.index)

    def _scalar(self, token: Token) -> Span:
        pieces = self._pieces
        if token.kind == "quote":
            close = pieces.closing(self.index)
            width = 3 if pieces.is_triple(self.index) and close > self.index + 1 else 1
            self.index, first = min(close + width, len(pieces)), self.index + width
            return Span(pieces.start(first), pieces.start(close))
        start = token.start
        while self.index < len(pieces):
            token = pieces.tokens[self.index]
            if token.kind in {"space", "quote"} or token.text in _BRACKETS or token.text in {",", ";"}:
                break
            if token.text in {":", "="} and pieces.after_space(self.index + 1) != self.index + 1:
                break
            self.index += 1
        return Span(start, pieces.start(self.index))
