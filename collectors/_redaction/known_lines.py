"""Lines that no rule has to look at, whatever digits stand in them: of files that one program made, the first tells of all. Pure.

A line is known by its shape: in small letters, each digit a nought. Only texts of few different lines are learnt and asked for,
so that little is remembered, and a text whose lines nobody knows costs hardly more.
"""

import re

from collectors._redaction.hints import WORDS

_MOST_LINES = 512
_FEW = 16
_LONGEST = 80
_NOUGHTS = bytes.maketrans(b"123456789", b"000000000")
_FORM_WORDS = ("p12", "pkcs8")
"""Digits that a form of a line asks for by themselves."""
_DIGIT_WORDS = sorted(word for word in (*WORDS, *_FORM_WORDS) if re.search("[0-9]", word))


def shape_of(low: str) -> bytes:
    """Return the shapes of lines in small letters, as one text."""
    return low.encode("utf-8", "surrogatepass").translate(_NOUGHTS)


DIGIT_WORD = re.compile(b"|".join(dict.fromkeys(re.escape(shape_of(word)) for word in _DIGIT_WORDS)))
"""The shapes of words that their digits make ones: of the lines with such a shape some say something."""


class KnownLines:
    """The shapes of lines that no rule had to look at."""

    def __init__(self) -> None:
        self._shapes: set[bytes] = set()

    def have(self, low: str, lines: int) -> bool:
        """Return whether each line of a text is known: so many different ones, in small letters."""
        if lines > _FEW or shape_of(low.partition("\n")[0]) not in self._shapes:
            return False
        return self._shapes.issuperset(shape_of(low).split(b"\n"))

    def learn(self, low: str, lines: int) -> None:
        """Remember the lines of a text, no one of which a rule has to look at."""
        if lines > _FEW or len(low) > _FEW * _LONGEST:
            return
        shape = shape_of(low)
        if DIGIT_WORD.search(shape) is not None:
            return
        if len(self._shapes) > _MOST_LINES - _FEW:
            self._shapes.clear()
        self._shapes.update(shape.split(b"\n"))

    def forget(self) -> None:
        """Let go of all of them."""
        self._shapes.clear()
