"""Masking the other way round: only what is plainly no secret is shown, and everything else is its keyed hash. Pure.

Shown are numbers, booleans, sizes, durations, addresses, paths below the usual roots, signs, and the names of
keys; all other words are masked, whatever they are called. It knows no kind of secret, so it can miss none.
"""

import re
from collections.abc import Callable, Iterator

from collectors._redaction.cursor import Opened
from collectors._redaction.extent import Pieces, Span
from collectors._redaction.line import Mask
from collectors._redaction.secrets import HARMLESS, MAX_LINE
from collectors._redaction.tokens import Body, Token, body_of, tokens_of
from collectors._redaction.values import is_random, looks_secret

_PLAIN = re.compile(
    r"[-+]?[0-9]{1,18}(?:[.,][0-9][0-9]{0,17})*+(?:%|[KMGTP]i?B?|B|[kmgt]b?|us|ms|s|sec|m|min|h|d|days?|w|weeks?)?"
    r"|(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]{1,5})?(?:/[0-9]{1,2})?"
    r"|\[?(?=[0-9a-fA-F:.]{0,40}:[0-9a-fA-F:.]{0,40}:)(?>(?:[0-9a-fA-F]{1,4}::?|::){1,8})(?:[0-9a-fA-F]{1,4})?\]?(?:/[0-9]{1,3}|:[0-9]{1,5})?"
    r"|(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}|[-+.*/|&%@!?~^\\]++",
)
_PATH = re.compile(
    r"/(?:etc|run|var|usr|opt|srv|proc|dev|tmp|mnt|media|lib|lib64|sys|bin|sbin|boot|home|root)(?:/[\w.+@%:\-*?][\w.+@%:\-*?]{0,59})*+/?|/"
)
_NAME = re.compile(r"-{0,2}[A-Za-z_$@][\w.\-:/]{0,60}")
_BLOCK = re.compile(r"[|>][+\-0-9]{0,2}")
_SECTION = re.compile(r"\[[A-Za-z][\w.\- ]{0,60}\]")
_CAMEL = re.compile(r"[a-z_.\-]++|[A-Z_.\-]++|(?:[A-Z]?[a-z]{2,20}){1,8}")
_BREAKS = frozenset("=,;{}()[]<>")
_BEFORE_KEY = frozenset("{,;?&<(")
_LONG_NAME = 80
_CLOSING = frozenset("=})]")
_SIGNS = frozenset("=:>+?!~")


def is_shown(word: str) -> bool:
    """Return whether a value is plainly no secret."""
    if word.lower() in HARMLESS or _PLAIN.fullmatch(word):
        return True
    return _PATH.fullmatch(word) is not None and not any(
        looks_secret(part) or is_random(part) for part in word.split("/") if len(part) > _LONG_PART
    )


_LONG_PART = 11
"""Shorter parts of a path may have digits, as `php8.2-fpm`."""


def _is_name(word: str) -> bool:
    return _NAME.fullmatch(word) is not None and not looks_secret(word.rpartition(".")[2].rpartition(":")[2])


class Strict:
    """A walk over the lines of one text, which knows what the lines before have opened."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._opened: Opened | None = None
        self._depth = 0

    def step(self, line: str) -> str:
        """Return the next line with all masked that is not plainly harmless."""
        if len(line) > MAX_LINE:
            return self._mask.whole(line)
        body = body_of(line)
        if self._lies_inside(line, body):
            return self._mask.whole(line, body.start)
        text = line[body.start :].rstrip()
        if not body.marker and _SECTION.fullmatch(text) and not looks_secret(text[1:-1]):
            self._opened = None
            return line
        pieces = Pieces(line, tokens_of(line, body.start))
        words = _Words(pieces, is_key_first=not body.marker and self._opened is None)
        spans = list(_joined(line, words.spans()))
        if line[body.start :].strip():
            self._opened, self._depth = words.opened, body.start
        return self._mask.spans(line, spans)

    def _lies_inside(self, line: str, body: Body) -> bool:
        opened = self._opened
        if opened is None:
            return False
        if opened.kind == "quote":
            self._opened = None if opened.detail in line else opened
            return True
        return opened.kind == "block" and (body.start > self._depth or not line[body.start :].strip())


class _Words:
    """The words of one line, from left to right: names of keys, and values."""

    def __init__(self, pieces: Pieces, *, is_key_first: bool) -> None:
        self._pieces = pieces
        self._at = 0
        self._may_be_key = True
        self._is_first = is_key_first
        self._is_markup = pieces.is_at(0, "<")
        self.opened: Opened | None = None

    def spans(self) -> Iterator[Span]:
        """Yield what is masked; afterwards `opened` says what the line leaves open."""
        pieces = self._pieces
        last = ""
        while self._at < len(pieces):
            token = pieces.tokens[self._at]
            if token.kind == "space":
                self._may_be_key = self._may_be_key or self._is_markup
                self._at += 1
                continue
            if token.text == "/" and last == "<":
                self._at += 1
                continue
            last = token.text
            if token.kind == "quote" and not self._is_apostrophe(token):
                yield from self._quoted()
            elif token.text in _BREAKS or token.text in _SIGNS:
                self._may_be_key = token.text in _BEFORE_KEY
                self._at += 1
            else:
                yield from self._bare()
            self._is_first = False
        self._leave(last)

    def _is_apostrophe(self, token: Token) -> bool:
        return token.text == "'" and self._pieces.text[token.start - 1 : token.start].isalnum()

    def _leave(self, last: str) -> None:
        """Say how the next line goes on: a block's text, a value's, or what may begin with a key."""
        text = self._pieces.text.rstrip()
        if self.opened is None and (_BLOCK.fullmatch(text.rpartition(" ")[2]) is not None):
            self.opened = Opened("block")
        elif self.opened is None and (last in {"\\", ">", ":"} or text.endswith("\\") or self._has_value):
            self.opened = Opened("text")

    _has_value = False
    """A key has had its value on this line behind a colon, which YAML lets go on below."""

    def _quoted(self) -> Iterator[Span]:
        pieces, close = self._pieces, self._pieces.closing(self._at)
        width = 3 if pieces.is_triple(self._at) and close > self._at + 1 else 1
        quote = pieces.tokens[self._at].text * width
        start, end = pieces.start(self._at + width), pieces.start(close)
        inside = pieces.text[start:end]
        self._at = min(close + width, len(pieces))
        if close >= len(pieces):
            self.opened = Opened("quote", quote)
        is_key = self._is_followed_by_sign() and _is_name(inside)
        self._may_be_key = False
        if not is_key and not is_shown(inside):
            yield Span(start, end)

    def _is_followed_by_sign(self) -> bool:
        pieces = self._pieces
        sign = pieces.after_space(self._at)
        if not pieces.is_at(sign, _SIGNS) or pieces.is_at(sign, ">"):
            return False
        behind = pieces.after_space(sign + 1)
        return not pieces.is_at(behind, _CLOSING) and (behind < len(pieces) or self._may_end_line(sign))

    def _may_end_line(self, sign: int) -> bool:
        """Return whether a name may stand before a sign that ends the line, where base64 has one too."""
        start = self._pieces.start(sign)
        word = self._pieces.text[max(0, start - _LONG_NAME) : start].split()[-1:]
        return bool(word) and (self._pieces.is_at(sign, ":") or _CAMEL.fullmatch(word[0]) is not None)

    def _bare(self) -> Iterator[Span]:
        pieces = self._pieces
        start = pieces.start(self._at)
        self._at += 1
        while self._at < len(pieces) and not self._ends_word():
            self._at += 1
        end = pieces.start(self._at)
        word = pieces.text[start:end]
        is_key = self._is_key(word)
        self._has_value = self._has_value or (is_key and pieces.is_at(self._at, ":"))
        self._may_be_key = word == "-" or (is_key and word in {"export", "set"})
        if not is_key and not is_shown(word):
            yield Span(start, end)

    def _ends_word(self) -> bool:
        token = self._pieces.tokens[self._at]
        if token.kind in {"space", "quote", "masked"} or token.text in _BREAKS:
            return True
        return token.text == ":" and self._pieces.after_space(self._at + 1) != self._at + 1

    def _is_key(self, word: str) -> bool:
        if not _is_name(word):
            return False
        if self._may_be_key and (self._is_followed_by_sign() or self._is_tag(word)):
            return True
        behind = self._pieces.after_space(self._at)
        return self._is_first and self._at < behind < len(self._pieces)

    def _is_tag(self, word: str) -> bool:
        start = self._pieces.start(self._at) - len(word)
        return self._is_markup and self._pieces.text[max(0, start - 2) : start].endswith(("<", "</"))


def _joined(line: str, spans: Iterator[Span]) -> Iterator[Span]:
    """Yield spans with nothing but blanks between them as one."""
    before: Span | None = None
    for span in spans:
        if before is not None and not line[before.end : span.start].strip():
            before = Span(before.start, span.end)
            continue
        if before is not None:
            yield before
        before = span
    if before is not None:
        yield before


def strictly(mask: Mask, lines: list[str], check: Callable[[], None]) -> Iterator[str]:
    """Yield the lines masked; `check` is called before each, and may end it by raising."""
    walk = Strict(mask)
    for line in lines:
        check()
        bare = line.removesuffix("\r")
        yield walk.step(bare) + line[len(bare) :]
