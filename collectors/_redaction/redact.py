"""Masking: what may be told of a configuration's text. Pure: text in, text out.

A masked value becomes `<masked:…>` with a keyed hash of it, so that a changed secret shows as changed
and no more; the key is made on this host and never leaves it. What looks like a secret is masked rather
than not: a diff that hides too much is a nuisance, one that shows too much is an incident. The work is
proportional to the text, whatever it is made of.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from collectors._redaction.hints import hinted, is_plain_text
from collectors._redaction.line import Mask
from collectors._redaction.logins import MOST_LINES, passwords_by_form, passwords_by_turns
from collectors._redaction.sections import users_in
from collectors._redaction.strict import strictly
from collectors._redaction.vocabulary import Vocabulary
from collectors._redaction.walk import walked

_KUBERNETES_SECRET = re.compile(
    r"""^(?:[ \t]*+(?:#|//)?)[ \t]*+(?:-[ \t][ \t]*+)*+["']?kind["']?[ \t]*+:[ \t]*+["']?Secret\b|["']kind["']\s{0,9}:\s{0,9}["']Secret["']""",
    re.MULTILINE,
)
_KUBERNETES_KEYS = frozenset({"data", "stringData"})
_NO_KEYS: frozenset[str] = frozenset()


class MaskingStopped(Exception):  # noqa: N818 - what happened, not what went wrong
    """A text took more than its budget; nothing of it was masked, so nothing of it may be told."""


class Redactor:
    """Masks text with one host's key."""

    def __init__(self, key: bytes) -> None:
        self._mask = Mask(key)
        self._vocabulary = Vocabulary()

    def forget(self) -> None:
        """Let go of what is remembered from one text to the next, which makes the next ones quicker."""
        self._vocabulary.forget()

    def masked(self, value: str) -> str:
        """Return what stands for `value`: the same for the same value, and nothing else of it."""
        return self._mask.masked(value)

    def mask(self, text: str, is_over: Callable[[], bool] | None = None) -> str:
        """Return `text` without what looks like a secret; lines stay lines, but for those inside a PEM block.

        `is_over` is asked at every line that is looked at; when it says so, `MaskingStopped` is raised.
        """
        return self.mask_lines(text, text.split("\n"), is_over)

    def mask_lines(self, text: str, lines: Sequence[str], is_over: Callable[[], bool] | None = None) -> str:
        """Return `text` as `mask` does, where its lines are known."""
        distinct = _distinct(lines)
        few = text if distinct is lines else "\n".join(distinct)
        low = few.lower()
        extra = secret_keys(text, few, low)
        hints = [True] * len(lines) if extra or _is_formed(lines) else hinted(lines, distinct, low)
        if True not in hints:
            return text
        check = _checked(is_over)
        return "\n".join(walked(self._mask, self._vocabulary, lines, hints, extra=extra, check=check))

    def leaves_all(self, texts: Iterable[Sequence[str]]) -> bool:
        """Return whether `mask` surely leaves each of several texts, given by their lines, as it is: by one look at them all."""
        distinct: set[str] = set()
        for lines in texts:
            if _is_formed(lines):
                return False
            distinct.update(lines)
        return is_plain_text("\n".join(distinct).lower())

    def mask_strictly(self, text: str, is_over: Callable[[], bool] | None = None) -> str:
        """Return `text` with all masked but numbers, sizes, durations, addresses, paths and names of keys; its lines stay."""
        return "\n".join(strictly(self._mask, text.split("\n"), _checked(is_over)))


def _distinct(lines: Sequence[str]) -> Sequence[str]:
    """Return each line once, in any order: what stands in a text many times is judged once. The same list where all differ."""
    distinct = set(lines)
    return lines if len(distinct) == len(lines) else tuple(distinct)


def _is_formed(lines: Sequence[str]) -> bool:
    """Return whether all of a text has a form that says where in it passwords stand."""
    return len(lines) <= MOST_LINES and bool(passwords_by_turns(lines) or passwords_by_form(lines))


def secret_keys(text: str, few: str, low: str) -> frozenset[str]:
    """Return the keys that are secret in this text whatever their names say: Kubernetes' `data`, users in `[users]`.

    `few` has each of the text's lines once, and `low` has them in small letters.
    """
    keys = frozenset(users_in(text, low)) if ":" in low or "[" in low else _NO_KEYS
    is_secret = "kind" in few and "Secret" in few and _KUBERNETES_SECRET.search(text) is not None
    return keys | _KUBERNETES_KEYS if is_secret else keys


def _checked(is_over: Callable[[], bool] | None) -> Callable[[], None]:
    def check() -> None:
        if is_over is not None and is_over():
            raise MaskingStopped

    return check
