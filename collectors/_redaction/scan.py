"""One line from left to right: which names get a value in it, and what it leaves open for the lines below. Pure.

The scan never goes back: what it has looked at it has done with, so that its work is proportional to the line.
"""

import re
from collections.abc import Callable

from collectors._redaction.cursor import Cursor, Opened, Scanned
from collectors._redaction.extent import Bracketed, Pieces
from collectors._redaction.pairs import PAIR_NAMES, PAIR_VALUES, Pairs
from collectors._redaction.prose import FEW_WORDS, SAYS, in_prose, is_prose
from collectors._redaction.secrets import Sounds, sounds
from collectors._redaction.separator import behind_doubled, behind_tags, is_tagged, list_end, separator
from collectors._redaction.tokens import Body, Token, tokens_of
from collectors._redaction.values import MAX_VALUE, is_harmless, looks_secret
from collectors._redaction.verdict import PAM, here_document, is_below, is_masked, is_switched

_PAIRS = frozenset({"auth", "credentials", "basic_auth", "basicauth", "http_auth", "login"})
"""Names of lists of a user and a password."""
_USERS = frozenset({"user", "login", "username"})
_PREFIX = re.compile(r"(?i:n|e|u|[rf]?b|b?r|fr?|q)")
"""What a language writes before the quotes of a text."""
_GIVES = frozenset({"set", "setenv", "setenv-safe", "export"})
MAPS = frozenset({"users", "basic_auth_users"})
"""Names of mappings of users to their passwords; what looks like a secret in one is one."""
_MAPS_END = (*MAPS, "keys", "oauth")
SECOND_WORDS = frozenset({"key", "code", "phrase", "word", "pin"})
"""With the word before them they name a secret: `unlock code: …`."""


class Scan:
    """The state of a scan."""

    def __init__(self, line: str, body: Body, extra: frozenset[str] = frozenset()) -> None:
        self._text = line
        self._body = body
        self._pieces = Pieces(line, tokens_of(line, body.start))
        self._extra = extra
        self._cursor = Cursor(self._pieces)
        self._pairs = Pairs(self._cursor)
        self._is_comment = bool(body.marker)
        self._is_assigned = False
        self._prose_from: int | None = None

    def run(self) -> Scanned:
        """Scan the line once."""
        while self._cursor.at < len(self._pieces):
            token = self._pieces.tokens[self._cursor.at]
            self._cursor.at += 1
            if token.kind == "quote":
                self._cursor.quote(token)
            elif token.kind == "word":
                self._word(token)
            elif token.kind == "mark":
                self._mark(token)
        self._pairs.end_group()
        if self._prose_from is not None:
            self._cursor.spans += in_prose(self._text, self._prose_from)
        return Scanned(self._cursor.spans, self._cursor.opened, self._pairs.is_naming, self._pairs.all_values)

    # Markup

    def _mark(self, token: Token) -> None:
        if token.text in "{}<>" and not (token.text == "{" and self._pairs.is_heading):
            self._pairs.end_group()
        if token.text == "<":
            self._pairs.open_tag()
        elif token.text == ">" and self._pairs.is_tag:
            self._pairs.close_tag()
        elif token.text in "=:":
            self._is_assigned = True
        elif (
            token.text == "#"
            and self._text[token.start - 1 : token.start].isspace()
            and not self._cursor.enclosing
        ):
            self._is_comment = True

    # Assignments

    def _in_quotes(self, token: Token) -> str:
        """Return the name of two words that ends with this one: `"api key"`, and `api key` at the beginning of a line."""
        end = self._pieces.after_space(self._cursor.at)
        first = self._pieces.tokens[0]
        if (
            token.text.lower() in SECOND_WORDS
            and self._cursor.at == 3  # noqa: PLR2004 - the word, the blank, `key`
            and first.kind == "word"
            and self._pieces.is_at(end, frozenset("=:"))
        ):
            return f"{first.text}_{token.text}"
        before = self._pieces.tokens[max(0, self._cursor.at - 4) : self._cursor.at - 1]
        if token.text != "key" or [piece.kind for piece in before] != ["quote", "word", "space"]:
            return ""
        return f"{before[1].text}_key"

    def _word(self, token: Token) -> None:
        name = token.text.strip("-.")
        level = Sounds.SECRET if name in self._extra else sounds(self._in_quotes(token) or name)
        word = name.lower()
        if not level and word not in PAIR_NAMES and word not in PAIR_VALUES and word not in MAPS:
            return
        how, value = separator(self._pieces, self._cursor.at, token)
        value = behind_doubled(self._pieces, value, self._cursor.enclosing)
        if (
            how == "assigned"
            and (word in PAIR_NAMES or word in PAIR_VALUES)
            and self._text[max(0, token.start - 1) : token.start] != "$"  # PowerShell's $env:…
            and self._pairs.pair(word, value)
        ):
            return
        if how == "spaced" and word == "variable" and self._pieces.is_quote(value):
            self._pairs.pair(word, value)
            return
        if not level and not (word in MAPS and how == "assigned" and self._pieces.is_at(value, "{")):
            return
        if how in {"assigned", "listed", "called"}:
            self._assigned(token, level, value)
        elif (
            how == "spaced"
            and level >= Sounds.LIKELY
            and self._is_here(self._text[self._pieces.start(value) :][:MAX_VALUE])
        ):
            return
        elif how == "spaced" and not word.endswith("proxy_pass"):  # nginx: a server
            self._spaced(token, level, value)
        elif how == "end" and level >= Sounds.LIKELY and self._is_alone(token):
            self._cursor.opened = Opened("argument")

    def _is_alone(self, token: Token) -> bool:
        return token.text.startswith("-") or self._text[self._body.start : self._body.start + 1] == "?"

    def _assigned(self, name: Token, level: Sounds, value: int) -> None:
        value = behind_tags(self._pieces, value)
        start = self._pieces.start(value)
        rest = self._text[start : start + MAX_VALUE + 1] if level >= Sounds.LIKELY else ""
        if self._is_here(rest):
            return
        if value >= len(self._pieces) or (level >= Sounds.LIKELY and is_below(rest)):
            if level >= Sounds.LIKELY:
                self._cursor.opened = Opened("continued" if rest.startswith("\\") else "block")
                self._cursor.at = len(self._pieces)
            return
        while self._pieces.is_at(value, "<") and value < len(self._pieces):
            value += 1
        if self._pieces.is_quote(value + 1) and _PREFIX.fullmatch(self._pieces.tokens[value].text):
            value += 1  # SQL's N'…', Python's b"…"
        if self._pieces.is_quote(value):
            self._quoted(name, level, value)
        elif (
            self._pieces.is_at(value, frozenset("{[("))
            and level >= Sounds.LIKELY
            and not is_tagged(self._pieces, value)
        ):
            self._bracketed(value)
        elif (
            self._pieces.is_at(value, frozenset("[(")) and name.text.lower().rpartition(".")[2] in _PAIRS
        ) or (self._pieces.is_at(value, "{") and name.text.lower().endswith(_MAPS_END)):
            self._bracketed(value, looks_secret)
        elif value < len(self._pieces):
            self._bare(name, level, value)

    def _is_here(self, rest: str) -> bool:
        """Return whether a here-document is the value: `PASS=$(cat <<EOF`, `read PASS <<EOF`."""
        here = here_document(rest)
        if here:
            self._cursor.opened, self._cursor.at = Opened("heredoc", here), len(self._pieces)
        return bool(here)

    def _quoted(self, name: Token, level: Sounds, value: int) -> None:
        pieces = self._pieces
        start, end, close, behind, width = pieces.quoted(value)
        is_open = close >= len(pieces) and level >= Sounds.LIKELY
        if not is_open and not is_masked(name.text, level, self._text[start:end]):
            return
        if close >= len(pieces):
            self._cursor.mask(start, end)
            self._cursor.opened = Opened("quote", pieces.tokens[value].text * width)
            self._cursor.at = len(pieces)
            return
        following = pieces.after_space(behind)
        goes_on = pieces.is_quote(following) or pieces.is_at(following, frozenset("+.&~"))
        is_inside = pieces.tokens[value].text == self._cursor.enclosing and not self._is_closed()
        if goes_on and not is_inside and not self._pairs.is_tag:
            self._cursor.mask(pieces.start(value), len(self._text))
            self._cursor.at = len(pieces)
            return
        self._cursor.mask(start, end)
        self._cursor.advance(behind)

    def _bracketed(self, value: int, is_meant: Callable[[str], bool] = lambda _: True) -> None:
        inside = Bracketed(self._pieces, value)
        for span in inside.spans():
            text = self._text[span.start : span.end]
            if not is_harmless(text) and is_meant(text):
                self._cursor.spans.append(span)
        if inside.depth > 0:
            self._cursor.opened = Opened("bracket", depth=inside.depth)
        self._cursor.advance(inside.index)

    def _bare(self, name: Token, level: Sounds, value: int) -> None:
        before = self._text[max(0, name.start - 1) : name.start]
        if before in {"?", "&"}:
            level = max(level, Sounds.LIKELY) if name.text.lower() not in _USERS else level
            end = self._pieces.start(self._pieces.word_end(value, "&"))
        elif level == Sounds.MAYBE:
            end = list_end(self._pieces, value)
        elif name.text.startswith("-"):
            end = self._pieces.start(self._pieces.word_end(value))
        else:
            end = self._line_end(value)
        span = self._pieces.trimmed(self._pieces.start(value), end)
        text = self._text[span.start : span.end]
        if not is_masked(name.text, level, text) or is_switched(name.text, text):
            return
        self._cursor.mask(*span)
        self._cursor.advance_to_character(span.end)
        if self._cursor.at >= len(self._pieces) and level >= Sounds.LIKELY:
            # What begins so may be a comment or a sign of YAML's, with the value below it.
            below = "block" if text.startswith(("#", "!", "&")) else "folded"
            self._cursor.opened = Opened("continued" if text.endswith("\\") else below)

    def _line_end(self, index: int) -> int:
        if self._cursor.enclosing:
            return self._pieces.start(self._pieces.next_quote(self._cursor.enclosing, index))
        return len(self._text)

    # Values behind a blank

    def _spaced(self, name: Token, level: Sounds, value: int) -> None:
        pieces = self._pieces
        is_flag = name.text.startswith("-")
        if level == Sounds.MAYBE and not is_flag:
            self._alone(name, value)
            return
        if pieces.is_quote(value) and (
            self._is_closed() or pieces.tokens[value].text != self._cursor.enclosing
        ):
            self._quoted(name, level, value)
            return
        if is_flag:
            if pieces.is_at(value, "\\"):
                self._cursor.opened = Opened("argument")
            elif not pieces.tokens[value].text.startswith("-"):
                self._bare(name, level, value)
            return
        end = self._line_end(value)
        span = self._pieces.trimmed(pieces.start(value), end)
        words = self._text[span.start : min(span.end, span.start + MAX_VALUE)].split(None, FEW_WORDS + 1)
        if not words or words[0] in PAM or words[0].startswith("[") or words[0].endswith(("/tcp", "/udp")):
            return
        before = self._text[self._body.start : name.start][:MAX_VALUE].split()
        if is_prose(words, before, is_comment=self._is_comment, is_value=self._is_assigned):
            self._prose_from = self._prose_from or span.start
        elif any(is_masked(name.text, level, word) for word in words):
            self._cursor.mask(*span)
            self._cursor.advance(pieces.at_character(span.end, self._cursor.at))
            if self._cursor.at >= len(pieces) and words[-1] == "\\":
                self._cursor.opened = Opened("continued")

    def _is_closed(self) -> bool:
        """Return whether the quotes around the name end with it: `property "SECRET_KEY" "…"`."""
        return self._pieces.is_at(self._cursor.at, self._cursor.enclosing)

    def _alone(self, name: Token, value: int) -> None:
        """Mask the one word behind a name that says little, when it looks like a secret: `AUTH …`, `key …`, `option key '…'`."""
        pieces = self._pieces
        if pieces.is_quote(value) and not self._cursor.enclosing:
            close = pieces.closing(value)
            words = self._text[pieces.start(value + 1) : pieces.start(close)][:MAX_VALUE].split()
            if close < len(pieces) and len(words) <= FEW_WORDS // 2 and looks_secret("".join(words)):
                self._cursor.mask(pieces.start(value + 1), pieces.start(close))
            return
        end = self._pieces.word_end(value)
        word = self._text[self._pieces.start(value) : self._pieces.start(end)]
        if word.isdigit() and len(word) == 1 and name.text == "key":  # routers: `key 7 …`
            value = pieces.after_space(end)
            end = pieces.word_end(value)
            word = self._text[pieces.start(value) : pieces.start(end)]
        if word in SAYS:  # `the key is …`
            start = self._pieces.start(pieces.after_space(end))
            said = self._text[start : self._pieces.start(self._pieces.word_end(pieces.after_space(end)))]
            if looks_secret(said):
                self._cursor.mask(start, start + len(said))
            return
        if (
            (
                name.start == self._body.start
                or name.text == "key"
                or self._text[self._body.start : name.start].strip() in _GIVES
            )
            and self._pieces.after_space(end) >= len(self._pieces)
            and looks_secret(word)
        ):
            self._cursor.mask(self._pieces.start(value), self._pieces.start(end))
