"""Which rules a word says something to, whatever stands around it: each word is judged once, and remembered for a while. Pure.

A word is what stands between blanks. The files of a host share most that are plain; what else is in a line is judged at once.
So little is remembered, whatever is in the files.
"""

import re
from functools import lru_cache

from collectors._redaction import places, programs, shapes
from collectors._redaction.pairs import PAIR_NAMES, PAIR_VALUES
from collectors._redaction.scan import MAPS, SECOND_WORDS
from collectors._redaction.secrets import sounds

NAMES, SHAPES, FLAGS, PIPES, HANDS, PLACES, FIRSTS, EQUALS, COMMAS, QUOTES = (
    1 << place for place in range(10)
)
"""What a word may be a sign of: see `signs`."""

_MOST_WORDS = 4096
_SHORT = 2
_PART = re.compile(r"[\w.\-]++")
_STEMS = (
    "pass|pwd|secret|token|cred|auth|communit|kennwort|geheim|contrase|motdepasse|key|p[iu]n|puk|psk|otp|cookie|hash|salt|nonce|hmac"
    "|seed|sig|pw|dpapi|clear|mnemonic|phrase|digest|wpa|wep|code|user|bundle|jwt|dbroot|bearer|login|encrypt|pepper"
    "|wachtwoord|senha|heslo|parola|has[lo]|losenord|kode|salasana|jelsz|mdp|sifre|clave"
)
STEMS = re.compile(_STEMS)
"""One of these is in each name that says something of its value, once all but letters and digits is left out."""
BETWEEN = str.maketrans("", "", "".join(chr(code) for code in range(128) if not chr(code).isalnum()))
_LONG = re.compile(r"[A-Za-z0-9+/_\-]{20,}+")
_CHANGE = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
_ALNUM = re.compile(r"[A-Za-z0-9]")
_LEAST_CHANGES = 5
"""In what was drawn by lot, one character in so many is of another kind than the one before."""
_HASHED = re.compile(r":[./0-9A-Za-z]{13}")
_SHAPE_WORDS = "://|bearer|basic|digest|negotiate|token|apikey"
_SHAPE_WORD = re.compile(_SHAPE_WORDS)
_FLAG = re.compile(r"(?<![\w.,:=@+*~$&?])-++[A-Za-z0-9]|/[a-z]++:|/rp(?!\S)")
_PIPED = re.compile(r"passwd|--stdin|mysqladmin")
_PLACED = re.compile(r"dentified|:om|authinfo:|x-|cookie|authorization|(?:auth|key|verify|secret|token)\w*+:")
"""What an account is identified by, what rsyslog and sendmail are told, names of headers."""
_HEADER = re.compile("auth|key|verify|secret|token")
"""One of these is in the name of any other header, which has a dash."""
_PLAIN = re.compile(r"[A-Za-z]{1,15}+[.,;:)]?")
_TELLING = re.compile(f"{_STEMS}|{_SHAPE_WORDS}|{_PIPED.pattern}|dentified|verify")
_PAIRED = PAIR_NAMES | PAIR_VALUES
_ALONE = (
    _PAIRED
    | SECOND_WORDS
    | MAPS
    | programs.KNOWN
    | places.FIRST_WORDS
    | {word.lower() for word in places.PROTOCOL_WORDS}
)
"""Words that are a sign by themselves, and no part of a longer one is."""


class Vocabulary:
    """The signs of the short and plain words that were met."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def signs_of(self, line: str) -> int:
        """Return the signs of all words of a line."""
        known = self._known
        signs, others = 0, []
        for word in line.split():
            found = known.get(word)
            if found is not None:
                signs |= found
            elif len(word) <= _SHORT or _PLAIN.fullmatch(word) is not None:
                signs |= self._learn(word)
            else:
                others.append(word)
        return signs | _signs_of(" ".join(others)) if others else signs

    def forget(self) -> None:
        """Let go of all of them."""
        self._known.clear()

    def _learn(self, word: str) -> int:
        low = word.lower()
        is_calm = len(word) > _SHORT and _TELLING.search(low) is None and low.rstrip(".,;:)") not in _ALONE
        signs = COMMAS * (word[-1] == ",") if is_calm else _signs_of(word)
        if len(self._known) >= _MOST_WORDS:
            self._known.clear()
        self._known[word] = signs
        return signs


def _signs_of(words: str) -> int:
    """Return the signs of some words with blanks between them."""
    low = words.lower()
    parts = _PART.findall(words)
    low_parts = {part.lower() for part in parts}
    return (
        NAMES * _is_naming(low, parts)
        | SHAPES * _may_have_shape(words, low)
        | FLAGS * (_FLAG.search(words) is not None)
        | PIPES * (_PIPED.search(words) is not None)
        | HANDS * (not programs.KNOWN.isdisjoint(low_parts) or "-stdin" in words or "<<<" in words)
        | PLACES * _may_be_placed(words, low, parts)
        | FIRSTS * (not places.FIRST_WORDS.isdisjoint(low_parts))
        | EQUALS * ("=" in words)
        | COMMAS * ("," in words)
        | QUOTES * ("'" in words or '"' in words)
    )


def _is_naming(low: str, parts: list[str]) -> bool:
    is_named = not low.isascii() or STEMS.search(low.translate(BETWEEN)) is not None
    return any(map(is_telling if is_named else _is_paired, parts))


@lru_cache(maxsize=2048)
def is_telling(part: str) -> bool:
    """Return whether a part of a word says something of a value, alone, as the end of a name of two words or as a tag."""
    return sounds(part.strip("-.")) > 0 or sounds(part) > 0 or _is_paired(part)


def _is_paired(part: str) -> bool:
    low = part.lower()
    name = low.strip("-.")
    return (
        name in SECOND_WORDS
        or name in MAPS
        or not _PAIRED.isdisjoint((name, name.rpartition("-")[2], low.rpartition("-")[2]))
    )


def _may_have_shape(word: str, low: str) -> bool:
    return (
        not word.isascii()
        or "@" in word
        or ("{" in word and shapes.SCHEMED.search(word) is not None)
        or "jdbc:" in word
        or _SHAPE_WORD.search(low) is not None
        or (":" in word and _HASHED.search(word) is not None)
        or _may_be_drawn(word)
        or (shapes.may_be_token(word, low) and shapes.TOKEN.search(word) is not None)
    )


def _may_be_placed(word: str, low: str, parts: list[str]) -> bool:
    return (
        not word.isascii()
        or _PLACED.search(low) is not None
        or not places.PROTOCOL_WORDS.isdisjoint(parts)
        or ("-" in word and any("-" in part and _HEADER.search(part.lower()) for part in parts))
    )


def _may_be_drawn(word: str) -> bool:
    """Return whether a long run, or what stands in it between slashes, changes often enough to be drawn by lot."""
    return any(_changes_often(part) for piece in _LONG.findall(word) for part in (piece, *piece.split("/")))


def _changes_often(text: str) -> bool:
    changes = len(_CHANGE.findall(text))
    return changes > 0 and changes * _LEAST_CHANGES >= len(_ALNUM.findall(text))
