"""Names and values that stand apart: in a tag and its text, in `name: DB_PASSWORD, value: …`, in whatever order. Pure."""

import re

from collectors._redaction.cursor import Cursor, Opened
from collectors._redaction.extent import Span
from collectors._redaction.secrets import Sounds, sounds
from collectors._redaction.tokens import words_in
from collectors._redaction.values import MAX_VALUE, looks_secret

PAIR_NAMES = words_in(
    "name key variable parameterkey id property option field param parameter k env setting attribute"
)
PAIR_VALUES = words_in("value parametervalue default content val v text defaultvalue string data literal")


_BESIDES = words_in("type description")
"""What stands between a name and its value: `<env-entry-type>`."""


def _is_key_itself(value: str) -> bool:
    """Return whether what is called `key` is one, and no name of one: `"Key": "mySigningKey123"`."""
    return len(value) <= MAX_VALUE and _ONE_WORD.fullmatch(value) is not None and looks_secret(value)


_ONE_WORD = re.compile(r"(?=[A-Za-z\d]{0,100}[a-z])[A-Za-z\d]{10,}+")
_NAMED = re.compile(r"[\w.\-:/$ ]{1,80}")


class Pairs:
    """What the tags, braces and attributes of one line have named so far."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.is_tag = False
        """A tag of markup is open, between `<` and `>`."""
        self._tag = ""
        self._is_secret_element = self._is_value_next = False
        self._is_named = self._is_unmatched = False
        self._element_before: Span | None = None
        self._is_value_named = False
        self._values: list[Span] = []
        self.all_values: list[Span] = []

    @property
    def is_naming(self) -> bool:
        """Return whether a secret was named whose value was not found."""
        return self._is_unmatched or self._is_value_next

    @property
    def is_heading(self) -> bool:
        """Return whether a secret was named for what the next brace holds: Terraform's `variable "db_password" { … }`."""
        return self._is_named and not self._values

    def open_tag(self) -> None:
        """Look at what follows `<`."""
        pieces, at = self._cursor.pieces, self._cursor.at
        if pieces.is_at(at, "/"):
            self._cursor.at = min(at + 2, len(pieces))
            return
        if at >= len(pieces) or pieces.tokens[at].kind != "word":
            return
        if pieces.is_at(at + 1, ":") and at + 2 < len(pieces):
            at += 2
        self.is_tag, self._tag = True, pieces.tokens[at].text
        self._is_secret_element = self._is_named = sounds(self._tag) >= Sounds.LIKELY
        self._cursor.at = at + 1

    def close_tag(self) -> None:
        """Look at what follows the `>` of a tag."""
        self.is_tag = False
        start = self._cursor.pieces.start(self._cursor.at)
        if self._cursor.text[start - 2 : start - 1] == "/":
            return
        tag = self._tag.lower().rpartition("-")[2]
        is_between = tag in PAIR_NAMES or tag in _BESIDES
        if self._is_secret_element or (self._is_value_next and not is_between):
            self._is_secret_element = self._is_value_next = False
            self._element(start)
        elif tag in PAIR_NAMES:
            end = self._cursor.text.find("<", start, start + MAX_VALUE)
            self._is_value_next = end >= 0 and sounds(self._cursor.text[start:end].strip()) >= Sounds.LIKELY
            if self._is_value_next and self._element_before is not None:
                self._cursor.spans.append(self._element_before)
                self._is_value_next = False
            self._element_before, self._is_value_named = None, end > start
            self._cursor.advance_to_character(end)
        elif tag in PAIR_VALUES:
            end = self._cursor.text.find("</", start, start + MAX_VALUE)
            self._element_before = Span(start, end) if end > start and not self._is_value_named else None
            self._is_value_named = False

    def _element(self, start: int) -> None:
        """Mask the text of an element, to its closing tag or the line's end."""
        end = self._cursor.text.find("</", start)
        if end < 0:
            if self._tag != "pass":  # the last field that the comment of /etc/fstab names
                self._cursor.opened = Opened("element", self._tag)
            end = len(self._cursor.text)
        self._cursor.mask(start, end)
        self._cursor.advance_to_character(end)

    def end_group(self) -> None:
        """End an object, a tag, or the line: what was named in it has its value in it."""
        if self._is_named and self._values:
            self._cursor.spans += self._values
            self._is_unmatched = False
        self._is_named = False
        self.all_values += self._values
        self._values = []

    def pair(self, word: str, value: int) -> bool:
        """Take note of `name: DB_PASSWORD` and of `value: …`; return whether it was the first."""
        cursor = self._cursor
        span = self._plain_value(value)
        if word == "key" and _is_key_itself(self._cursor.text[span.start : span.end]):
            return False
        if (
            word in PAIR_NAMES
            and _NAMED.fullmatch(self._cursor.text, span.start, span.end)
            and sounds(self._cursor.text[span.start : min(span.end, span.start + MAX_VALUE)]) >= Sounds.LIKELY
        ):
            self._is_named = self._is_unmatched = True
            self._is_secret_element = self._is_secret_element or self.is_tag
            if self._values:
                self.end_group()
                self._is_named = True
            cursor.advance(cursor.pieces.at_character(span.end, cursor.at) + 1)
            return True
        if word in PAIR_VALUES and span.end > span.start:
            self._values.append(span)
        return False

    def _plain_value(self, index: int) -> Span:
        pieces = self._cursor.pieces
        if pieces.is_quote(index):
            return Span(pieces.start(index + 1), pieces.start(pieces.closing(index)))
        return pieces.trimmed(pieces.start(index), pieces.start(pieces.word_end(index, ",}]<>);")))
