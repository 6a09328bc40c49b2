"""A secret's name in a sentence: there only what looks like a secret by itself is one. Pure."""

from collections.abc import Iterator, Sequence

from collectors._redaction.extent import Span
from collectors._redaction.tokens import chunks_of, words_in
from collectors._redaction.values import looks_secret

FEW_WORDS = 6
_ENGLISH = words_in(
    "a an the is are was were be been being to of for and or nor in on at by as from with without into that this these those it its "
    "if when while where which who what how not no any all some each every must should shall will would can could may might use used "
    "uses using set sets see than then so only also you your we our they their them he has have had do does but about via per more "
    "one default defaults enable enables disable disables allow allows specify specifies settings options option support file files"
)
SAYS = frozenset({"is", "was", "are", "to", "from"})


def is_prose(words: Sequence[str], before: Sequence[str], *, is_comment: bool, is_value: bool) -> bool:
    """Return whether a name stands in a sentence; `words` follow it, `before` come before it on its line.

    `is_value`: the line has given something a value before, which is a sentence then, or a command line.
    """
    if len(words) > FEW_WORDS or (is_value and before):
        return True
    if not is_comment:
        return False
    return words[-1][-1] in ":.?!" or bool(_ENGLISH.intersection(word.lower() for word in (*before, *words)))


def in_prose(line: str, start: int) -> Iterator[Span]:
    """Yield what looks like a secret behind its name, and the last word where the sentence says `is …`."""
    before, last = "", None
    for chunk in chunks_of(line, start):
        if looks_secret(chunk.text):
            yield Span(chunk.start, chunk.end)
        last = chunk if before in SAYS and chunk.text.lower() not in _ENGLISH else None
        before = chunk.text.lower()
    if last is not None and last.text[-1] not in ":.?!":
        yield Span(last.start, last.end)
