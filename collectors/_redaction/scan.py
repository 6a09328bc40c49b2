"""One line from left to right: which names get a value in it, and what it leaves open for the lines below. Pure.

The scan never goes back: what it has looked at it has done with, so that its work is proportional to the line.
"""

from typing import NamedTuple

from collectors._redaction.extent import Bracketed, Pieces, Span
from collectors._redaction.secrets import Sounds, sounds
from collectors._redaction.tokens import Body, Token, chunks_of, tokens_of, words_in
from collectors._redaction.values import MAX_VALUE, is_harmless, looks_secret
from collectors._redaction.verdict import PAM, is_below, is_masked, is_switched

PAIR_NAMES = words_in(
    "name key variable parameterkey id property option field param parameter k env setting attribute"
)
PAIR_VALUES = words_in("value parametervalue default content val v text defaultvalue string data literal")
_ASSIGNS = frozenset("=:>+?!~\uff1d\uff1a")
_FEW_WORDS = 6
_PROSE_WORDS = 2


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


class Scan:
    """The state of a scan."""

    def __init__(self, line: str, body: Body, extra: frozenset[str] = frozenset()) -> None:
        self._text = line
        self._body = body
        self._pieces = Pieces(line, tokens_of(line, body.start))
        self._extra = extra
        self._at = 0
        self._enclosing = ""
        self._is_tag = self._is_secret_element = self._is_value_next = False
        self._tag = ""
        self._is_named = self._is_naming = self._is_assigned = False
        self._values: list[Span] = []
        self._all_values: list[Span] = []
        self._prose_from: int | None = None
        self._spans: list[Span] = []
        self._opened: Opened | None = None

    def run(self) -> Scanned:
        """Scan the line once."""
        while self._at < len(self._pieces):
            token = self._pieces.tokens[self._at]
            self._at += 1
            if token.kind == "quote":
                self._quote(token)
            elif token.kind == "word":
                self._word(token)
            elif token.kind == "mark":
                self._mark(token)
        self._end_group()
        self._mask_prose()
        return Scanned(self._spans, self._opened, self._is_naming or self._is_value_next, self._all_values)

    def _advance(self, index: int) -> None:
        while self._at < min(index, len(self._pieces)):
            token = self._pieces.tokens[self._at]
            self._at += 1
            if token.kind == "quote":
                self._quote(token)

    def _quote(self, token: Token) -> None:
        if self._enclosing == token.text:
            self._enclosing = ""
        elif not self._enclosing and not (
            token.text == "'" and self._text[token.start - 1 : token.start].isalnum()
        ):
            self._enclosing = token.text

    # Markup

    def _mark(self, token: Token) -> None:
        if token.text in "{}<>":
            self._end_group()
        if token.text == "<":
            self._open_tag()
        elif token.text == ">" and self._is_tag:
            self._close_tag()
        elif token.text in "=:":
            self._is_assigned = True

    def _open_tag(self) -> None:
        pieces, at = self._pieces, self._at
        if pieces.is_at(at, "/"):
            self._at = min(at + 2, len(pieces))
            return
        if at >= len(pieces) or pieces.tokens[at].kind != "word":
            return
        if pieces.is_at(at + 1, ":") and at + 2 < len(pieces):
            at += 2
        self._is_tag, self._tag = True, pieces.tokens[at].text
        self._is_secret_element = sounds(self._tag) >= Sounds.LIKELY
        self._at = at + 1

    def _close_tag(self) -> None:
        self._is_tag = False
        start = self._pieces.start(self._at)
        if self._text[start - 2 : start - 1] == "/":
            return
        tag = self._tag.lower()
        if self._is_secret_element or (self._is_value_next and tag not in PAIR_NAMES):
            self._is_secret_element = self._is_value_next = False
            self._element(start)
        elif tag in PAIR_NAMES:
            end = self._text.find("<", start, start + MAX_VALUE)
            self._is_value_next = end >= 0 and sounds(self._text[start:end].strip()) >= Sounds.LIKELY
            self._advance(self._pieces.at_character(end, self._at))

    def _element(self, start: int) -> None:
        """Mask the text of an element, to its closing tag or the line's end."""
        end = self._text.find("</", start)
        if end < 0:
            self._opened = Opened("element", self._tag)
            end = len(self._text)
        self._mask(start, end)
        self._advance(self._pieces.at_character(end, self._at))

    # Names and values of one thing, apart

    def _end_group(self) -> None:
        if self._is_named and self._values:
            self._spans += self._values
            self._is_naming = False
        self._is_named = False
        self._all_values += self._values
        self._values = []

    def _pair(self, word: str, value: int) -> bool:
        """Take note of `name: DB_PASSWORD` and of `value: …`; return whether it was the first."""
        span = self._plain_value(value)
        if (
            word in PAIR_NAMES
            and sounds(self._text[span.start : min(span.end, span.start + MAX_VALUE)]) >= Sounds.LIKELY
        ):
            self._is_named = self._is_naming = True
            self._is_secret_element = self._is_secret_element or self._is_tag
            if self._values:
                self._end_group()
                self._is_named = True
            self._advance(self._pieces.at_character(span.end, self._at) + 1)
            return True
        if word in PAIR_VALUES and span.end > span.start:
            self._values.append(span)
        return False

    def _plain_value(self, index: int) -> Span:
        pieces = self._pieces
        if pieces.is_quote(index):
            return Span(pieces.start(index + 1), pieces.start(pieces.closing(index)))
        return pieces.trimmed(pieces.start(index), pieces.start(pieces.word_end(index, ",}]<>);")))

    # Assignments

    def _word(self, token: Token) -> None:
        name = token.text.strip("-.")
        level = Sounds.SECRET if name in self._extra else sounds(name)
        word = name.lower()
        if not level and word not in PAIR_NAMES and word not in PAIR_VALUES:
            return
        how, value = self._separator(token)
        if how == "assigned" and (word in PAIR_NAMES or word in PAIR_VALUES) and self._pair(word, value):
            return
        if how == "spaced" and word == "variable" and self._pieces.is_quote(value):
            self._pair(word, value)
            return
        if not level:
            return
        if how in {"assigned", "listed", "called"}:
            self._assigned(token, level, value)
        elif how == "spaced":
            self._spaced(token, level, value)
        elif how == "end" and level >= Sounds.LIKELY and self._is_alone(token):
            self._opened = Opened("argument")

    def _is_alone(self, token: Token) -> bool:
        return token.text.startswith("-") or self._text[self._body.start : self._body.start + 1] == "?"

    def _separator(self, name: Token) -> tuple[str, int]:
        """Return how what follows a name gives it a value, and where the value begins."""
        pieces, at = self._pieces, self._at
        while at < self._at + 3 and (pieces.is_quote(at) or pieces.is_at(at, frozenset("])"))):
            at += 1
        has_closed = at > self._at
        there = pieces.after_space(at)
        if there >= len(pieces):
            return "end", there
        text = pieces.tokens[there].text
        if text in _ASSIGNS:
            end = there + 1
            while end < there + 3 and pieces.is_at(end, _ASSIGNS):
                end += 1
            sign = "".join(token.text for token in pieces.tokens[there:end])
            is_sign = not sign.startswith(("::", ">", "~", "!", "?", "+")) or sign[1:2] == "=" or sign == "=~"
            is_sign = is_sign and not (
                sign.endswith(":") and pieces.is_at(end, "/") and pieces.is_at(end + 1, "/")
            )
            return ("assigned", pieces.after_space(end)) if is_sign else ("none", end)
        if text == "," and (has_closed or name.text[:1].islower()):
            value = pieces.after_space(there + 1)
            if value >= len(pieces):
                return "end", value
            if pieces.is_quote(value) or pieces.is_at(value, "<"):
                return "listed", value
        if text == "(" and pieces.is_quote(pieces.after_space(there + 1)):
            return "called", pieces.after_space(there + 1)
        return ("spaced", there) if there > at else ("none", there)

    def _assigned(self, name: Token, level: Sounds, value: int) -> None:
        value = self._behind_tags(value)
        start = self._pieces.start(value)
        rest = self._text[start : start + MAX_VALUE + 1] if level >= Sounds.LIKELY else ""
        if value >= len(self._pieces) or (level >= Sounds.LIKELY and is_below(rest)):
            if level >= Sounds.LIKELY:
                self._opened = Opened("continued" if rest.startswith("\\") else "block")
                self._at = len(self._pieces)
            return
        while self._pieces.is_at(value, "<") and value < len(self._pieces):
            value += 1
        if self._pieces.is_quote(value):
            self._quoted(name, level, value)
        elif self._pieces.is_at(value, frozenset("{[(")) and level >= Sounds.LIKELY:
            self._bracketed(value)
        elif value < len(self._pieces):
            self._bare(name, level, value)

    def _behind_tags(self, value: int) -> int:
        """Return where the value begins behind YAML's tags and anchors."""
        pieces = self._pieces
        while (
            pieces.is_at(value, frozenset("!&"))
            and value + 1 < len(pieces)
            and pieces.tokens[value + 1].kind == "word"
        ):
            value = pieces.after_space(value + 2)
        return value

    def _quoted(self, name: Token, level: Sounds, value: int) -> None:
        pieces, close = self._pieces, self._pieces.closing(value)
        width = 3 if pieces.is_triple(value) and close != value + 1 else 1
        start, end = pieces.start(value + width), pieces.start(close)
        is_open = close >= len(pieces) and level >= Sounds.LIKELY
        if not is_open and not is_masked(name.text, level, self._text[start:end]):
            return
        if close >= len(pieces):
            self._mask(start, end)
            self._opened = Opened("quote", pieces.tokens[value].text * width)
            self._at = len(pieces)
            return
        behind = pieces.after_space(close + width)
        goes_on = pieces.is_quote(behind) or pieces.is_at(behind, frozenset("+.&~"))
        if goes_on and pieces.tokens[value].text != self._enclosing and not self._is_tag:
            self._mask(pieces.start(value), len(self._text))
            self._at = len(pieces)
            return
        self._mask(start, end)
        self._advance(close + width)

    def _bracketed(self, value: int) -> None:
        inside = Bracketed(self._pieces, value)
        for span in inside.spans():
            if not is_harmless(self._text[span.start : span.end]):
                self._spans.append(span)
        if inside.depth > 0:
            self._opened = Opened("bracket", depth=inside.depth)
        self._advance(inside.index)

    def _bare(self, name: Token, level: Sounds, value: int) -> None:
        before = self._text[max(0, name.start - 1) : name.start]
        if before in {"?", "&"}:
            end = self._pieces.start(self._pieces.word_end(value, "&"))
        elif level == Sounds.MAYBE or name.text.startswith("-"):
            end = self._pieces.start(self._pieces.word_end(value))
        else:
            end = self._line_end(value)
        span = self._pieces.trimmed(self._pieces.start(value), end)
        text = self._text[span.start : span.end]
        if not is_masked(name.text, level, text) or is_switched(name.text, text):
            return
        self._mask(*span)
        self._advance(self._pieces.at_character(span.end, self._at))
        if self._at >= len(self._pieces) and level >= Sounds.LIKELY:
            self._opened = Opened("continued" if text.endswith("\\") else "folded")

    def _line_end(self, index: int) -> int:
        if self._enclosing:
            return self._pieces.start(self._pieces.next_quote(self._enclosing, index))
        return len(self._text)

    # Values behind a blank

    def _spaced(self, name: Token, level: Sounds, value: int) -> None:
        pieces = self._pieces
        is_flag = name.text.startswith("-")
        if level == Sounds.MAYBE and not is_flag:
            return
        if pieces.is_quote(value) and pieces.tokens[value].text != self._enclosing:
            self._quoted(name, level, value)
            return
        if is_flag:
            if pieces.is_at(value, "\\"):
                self._opened = Opened("argument")
            elif not pieces.tokens[value].text.startswith("-"):
                self._bare(name, level, value)
            return
        end = self._line_end(value)
        span = self._pieces.trimmed(pieces.start(value), end)
        words = self._text[span.start : min(span.end, span.start + MAX_VALUE)].split(None, _FEW_WORDS + 1)
        if not words or words[0] in PAM:
            return
        if self._is_prose(name, level, words):
            self._prose_from = self._prose_from or span.start
        elif is_masked(
            name.text, level, words[0] if level == Sounds.LIKELY else self._text[span.start : span.end]
        ):
            self._mask(*span)
            self._advance(pieces.at_character(span.end, self._at))
            if self._at >= len(pieces) and words[-1] == "\\":
                self._opened = Opened("continued")

    def _is_prose(self, name: Token, level: Sounds, words: list[str]) -> bool:
        is_first = name.start == self._body.start
        if self._body.marker:
            return not (is_first and len(words) <= _PROSE_WORDS)
        return (
            len(words) > _FEW_WORDS
            or (self._is_assigned and not is_first)
            or (level == Sounds.LIKELY and not words[0].strip("\\"))
        )

    def _mask_prose(self) -> None:
        if self._prose_from is None:
            return
        for chunk in chunks_of(self._text, self._prose_from):
            if looks_secret(chunk.text):
                self._spans.append(Span(chunk.start, chunk.end))

    def _mask(self, start: int, end: int) -> None:
        span = self._pieces.trimmed(start, end)
        if span.end > span.start:
            self._spans.append(span)
