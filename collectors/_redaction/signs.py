"""Which rules can say anything of a line: each rule has a sign without which it is silent, quicker to look for than to ask. Pure.

Most lines that are worth a closer look hold no secret after all, and no rule but one could have found one there. What
is passed over here is only what a rule would have left as it is; a test holds every rule and every form that is known to that.
"""

import re
from collections.abc import Collection

from collectors._redaction import calls, forms, places
from collectors._redaction import vocabulary as signs
from collectors._redaction.arguments import arguments_of
from collectors._redaction.values import MAX_VALUE
from collectors._redaction.vocabulary import BETWEEN, STEMS, Vocabulary, is_telling

_WORD = re.compile(r"[\w.\-]++")


class Signs:
    """What one line has of them."""

    __slots__ = ("_found", "_line", "_low", "_start")

    def __init__(self, line: str, start: int, vocabulary: Vocabulary) -> None:
        self._line = line
        self._low = line.lower()
        self._start = start
        self._found = vocabulary.signs_of(line)

    def may_name(self, extra: Collection[str]) -> bool:
        """Return whether `Scan` may find something: a word that names a value, or says that another does."""
        if extra:
            words = _WORD.findall(self._line)
            return any(map(is_telling, words)) or any(word.strip("-.") in extra for word in words)
        if not self._found & signs.NAMES:
            return False
        return not self._line.isascii() or STEMS.search(self._low.translate(BETWEEN)) is not None

    def may_have_shape(self) -> bool:
        """Return whether `shaped` may find something."""
        return bool(self._found & signs.SHAPES) or len(self._line) > MAX_VALUE

    def may_have_flags(self) -> bool:
        """Return whether `flagged` may find something."""
        return bool(self._found & signs.FLAGS)

    def may_be_piped(self) -> bool:
        """Return whether `piped` may find something."""
        return bool(self._found & signs.PIPES)

    def may_be_handed(self) -> bool:
        """Return whether `handed` may find something."""
        is_list = self._found & signs.EQUALS and self._found & signs.COMMAS
        return bool(self._found & signs.HANDS or is_list)

    def may_be_placed(self) -> bool:
        """Return whether `placed` may find something."""
        if self._found & signs.PLACES or (self._found & signs.FIRSTS and self._has_first_word()):
            return True
        body = self._line[self._start :].rstrip().rstrip("\\").rstrip()
        return forms.may_have_form(body, self._low) or (
            bool(self._found & signs.QUOTES) and calls.may_call(body)
        )

    def _has_first_word(self) -> bool:
        first = next(arguments_of(self._line, self._start), None)
        return first is not None and first.text.lower() in places.FIRST_WORDS
