"""Which rules can say anything of a line: each rule has a sign without which it is silent, quicker to look for than to ask. Pure.

Most lines that are worth a closer look hold no secret after all, and no rule but one could have found one there. What
is passed over here is only what a rule would have left as it is; a test holds every rule and every form that is known to that.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from collectors._redaction import calls, places, programs, shapes
from collectors._redaction.pairs import PAIR_NAMES, PAIR_VALUES
from collectors._redaction.scan import MAPS, SECOND_WORDS
from collectors._redaction.secrets import sounds
from collectors._redaction.values import MAX_VALUE

_WORD = re.compile(r"[\w.\-]++")
_STEMS = re.compile(
    "pass|pwd|secret|token|cred|auth|communit|kennwort|geheim|contrase|motdepasse|key|p[iu]n|puk|psk|otp|cookie|hash|salt|nonce|hmac"
    "|seed|sig|pw|dpapi|clear|mnemonic|phrase|digest|wpa|wep|code|user|bundle|jwt|dbroot|bearer|login|encrypt|pepper"
    "|wachtwoord|senha|heslo|parola|has[lo]|losenord|kode|salasana|jelsz|mdp|sifre|clave"
)
"""One of these is in each name that says something of its value, once all but letters and digits is left out."""
_BETWEEN = str.maketrans("", "", "".join(chr(code) for code in range(128) if not chr(code).isalnum()))
_LONG = re.compile(r"[A-Za-z0-9+/_\-]{20,}+")
_CHANGE = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
_ALNUM = re.compile(r"[A-Za-z0-9]")
_LEAST_CHANGES = 5
"""In what was drawn by lot, one character in so many is of another kind than the one before."""
_HASHED = re.compile(r":[./0-9A-Za-z]{13}")
_SHAPE_WORDS = re.compile(r"://|bearer|basic|digest|negotiate|token|apikey")
_FLAG = re.compile(r"(?<![\w.,:=@+*~$&?])-|/[a-z]++:|/rp\s")
_PIPED = re.compile(r"passwd|--stdin|mysqladmin")
_PROTOCOL_OR_HEADER = re.compile(r"x-|auth|key|verify|secret|token|cookie|:om|priv|cipher|simple|plain")
_QUOTE = re.compile(r"[\"']")


class Signs:
    """What one line has of them."""

    def __init__(self, line: str, start: int) -> None:
        self._line = line
        self._start = start
        self._low = line.lower()
        self._is_ascii = line.isascii()
        self._words = _WORD.findall(line)
        self._low_words = {word.lower() for word in self._words}

    def may_name(self, extra: Collection[str]) -> bool:
        """Return whether `Scan` may find something: a word that names a value, or says that another does."""
        if self._is_ascii and not extra and _STEMS.search(self._low.translate(_BETWEEN)) is None:
            return False
        return any(map(_is_telling, self._words)) or (
            bool(extra) and any(word.strip("-.") in extra for word in self._words)
        )

    def may_have_shape(self) -> bool:
        """Return whether `shaped` may find something."""
        line = self._line
        return (
            not self._is_ascii
            or "@" in line
            or ("{" in line and shapes.SCHEMED.search(line) is not None)
            or "jdbc:" in line
            or _SHAPE_WORDS.search(self._low) is not None
            or (":" in line and _HASHED.search(line) is not None)
            or _may_be_drawn(line)
            or shapes.TOKEN.search(line) is not None
            or len(line) > MAX_VALUE
        )

    def may_have_flags(self) -> bool:
        """Return whether `flagged` may find something."""
        return _FLAG.search(self._line) is not None

    def may_be_piped(self) -> bool:
        """Return whether `piped` may find something."""
        return _PIPED.search(self._line) is not None

    def may_be_handed(self) -> bool:
        """Return whether `handed` may find something."""
        return (
            not programs.KNOWN.isdisjoint(self._low_words)
            or "-stdin" in self._line
            or "<<<" in self._line
            or ("=" in self._line and "," in self._line)
        )

    def may_be_placed(self) -> bool:
        """Return whether `placed` may find something."""
        body = self._line[self._start :].rstrip().rstrip("\\").rstrip()
        return (
            not self._is_ascii
            or not places.FIRST_WORDS.isdisjoint(self._low_words)
            or "dentified" in self._low
            or _PROTOCOL_OR_HEADER.search(self._low) is not None
            or places.any_form().fullmatch(body) is not None
            or (
                _QUOTE.search(body) is not None
                and any(call.search(body) is not None for call in calls.calls_in(body))
            )
        )


@lru_cache(maxsize=2048)
def _is_telling(word: str) -> bool:
    """Return whether a word says something of a value, alone, as the end of a name of two words or as a tag."""
    name = word.strip("-.")
    low = name.lower()
    return (
        sounds(name) > 0
        or sounds(word) > 0
        or low in SECOND_WORDS
        or low in MAPS
        or not _PAIRED.isdisjoint((low, low.rpartition("-")[2], word.lower().rpartition("-")[2]))
    )


_PAIRED = PAIR_NAMES | PAIR_VALUES


def _may_be_drawn(line: str) -> bool:
    """Return whether a long run, or what stands in it between slashes, changes often enough to be drawn by lot."""
    return any(_changes_often(part) for piece in _LONG.findall(line) for part in (piece, *piece.split("/")))


def _changes_often(text: str) -> bool:
    changes = len(_CHANGE.findall(text))
    return changes > 0 and changes * _LEAST_CHANGES >= len(_ALNUM.findall(text))
