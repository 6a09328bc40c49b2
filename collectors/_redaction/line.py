"""Masking of one line: the rules put together, and what they found replaced. Pure.

It knows what a line says by itself; what a line means by where it stands is decided in `walk`.
"""

from _blake2 import blake2b  # the module behind hashlib, which would bring OpenSSL
from collections.abc import Iterable, Iterator

from collectors._redaction.arguments import arguments_of
from collectors._redaction.cursor import Scanned
from collectors._redaction.extent import Span
from collectors._redaction.flags import flagged, piped
from collectors._redaction.places import placed
from collectors._redaction.programs import handed
from collectors._redaction.scan import Scan
from collectors._redaction.secrets import MAX_LINE
from collectors._redaction.shapes import shaped
from collectors._redaction.signs import Signs
from collectors._redaction.tokens import MASKED, Body
from collectors._redaction.values import is_harmless
from collectors._redaction.vocabulary import Vocabulary


class Mask:
    """Replaces parts of lines, with one host's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]

    def masked(self, value: str) -> str:
        """Return what stands for `value`: the same for the same value, and nothing else of it."""
        digest = blake2b(value.encode("utf-8", "surrogatepass"), key=self._key, digest_size=6)
        return f"<masked:{digest.hexdigest()}>"

    def spans(self, line: str, spans: Iterable[Span]) -> str:
        """Return the line with these parts masked; parts that overlap are one."""
        out, at = [], 0
        for start, end in _united(spans):
            value = line[start:end]
            if value.strip() and MASKED.fullmatch(value) is None:
                out += [line[at:start], self.masked(value)]
                at = end
        return "".join([*out, line[at:]])

    def whole(self, line: str, start: int = 0) -> str:
        """Return the line with all behind `start` masked, but for blanks around it."""
        text = line[start:].strip()
        if not text or is_harmless(text):
            return line
        at = line.index(text, start)
        return line[:at] + self.masked(text) + line[at + len(text) :]


def _united(spans: Iterable[Span]) -> list[Span]:
    united: list[Span] = []
    for span in sorted(spans):
        if united and span.start <= united[-1].end:
            united[-1] = Span(united[-1].start, max(united[-1].end, span.end))
        elif span.end > span.start:
            united.append(span)
    return united


def look_at(line: str, body: Body, vocabulary: Vocabulary, extra: frozenset[str] = frozenset()) -> Scanned:
    """Return what of one line is to be masked, and what it leaves open."""
    if len(line) > MAX_LINE:
        return Scanned([Span(0, len(line))], None, is_naming=False, values=[])
    signs = Signs(line, body.start, vocabulary)
    is_named = signs.may_name(extra)
    found = Scan(line, body, extra).run() if is_named else Scanned([], None, is_naming=False, values=[])
    if signs.may_have_shape():
        found.spans.extend(shaped(line, body.start))
    found.spans.extend(_in_arguments(line, body.start, signs))
    return found


def _in_arguments(line: str, start: int, signs: Signs) -> Iterator[Span]:
    """Yield what the rules find that look at a line as a command has its arguments."""
    has_flags, is_piped = signs.may_have_flags(), signs.may_be_piped()
    is_handed, is_placed = signs.may_be_handed(), signs.may_be_placed()
    if not (has_flags or is_piped or is_handed or is_placed):
        return
    arguments = list(arguments_of(line, start))
    if has_flags:
        yield from flagged(arguments)
    if is_piped:
        yield from piped(arguments)
    if is_handed:
        yield from handed(arguments)
    if is_placed:
        yield from placed(line, start, arguments)
