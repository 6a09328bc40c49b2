"""A text from its first line to its last: what a line means by what the lines before have opened. Pure.

Each line is looked at once by itself, then masked in the light of its surroundings; nothing here goes back
further than a few lines, so that the work is proportional to the text.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from collectors._redaction.cursor import NOTHING, Opened, Scanned
from collectors._redaction.extent import Bracketed, Pieces, Span, stripped
from collectors._redaction.line import Mask, look_at
from collectors._redaction.logins import passwords_by_form, passwords_by_turns
from collectors._redaction.named import VALUE, named_values
from collectors._redaction.secrets import MAX_LINE
from collectors._redaction.tables import cells_below
from collectors._redaction.tokens import Body, body_of, tokens_of
from collectors._redaction.values import is_harmless
from collectors._redaction.vocabulary import Vocabulary

_ENTRY = re.compile(r"""(?:[-#;<}\])]|["']?[\w.\-$/]++["']?\s*+[:=])""")
_INSIDE = re.compile(
    r"""(?P<before>(?:-\s++)?(?:(?:"[^"]++"|["']?[\w.\-/]++["']?)\s*+(?:[:=]\s++|:$))?)(?P<value>.*+)""",
    re.DOTALL,
)
_STRUCTURE = frozenset({"{", "}", "[", "]", "},", "],", "|", ">", "|-", ">-", "(", ")", ");", "};"})
_ITEM = re.compile(r"(?:-\s\s*+)++")
_PEM_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 a-z]{1,60}-----")
_PEM_ENDS = re.compile(r"-----END [A-Z0-9 a-z]{1,60}-----")


class Walk:
    """A walk over the lines of one text."""

    def __init__(self, mask: Mask, vocabulary: Vocabulary, named: frozenset[int]) -> None:
        self._mask = mask
        self._vocabulary = vocabulary
        self._named = named
        self._opened: Opened | None = None
        self._depth = 0
        self._marker = ""
        self._pem: list[str] | None = None
        self._pem_indent = ""

    @property
    def is_calm(self) -> bool:
        """Return whether nothing is open that the next line could lie inside."""
        return self._opened is None and self._pem is None

    def step(self, index: int, line: str, body: Body, scanned: Scanned) -> list[str]:
        """Return what stands for the next line: itself, masked; none while a PEM block goes on."""
        if self._pem is not None:
            return self._in_pem(line, body)
        held = self._held(line, body)
        if held is not None:
            return [held]
        if found := _PEM_BEGINS.search(line):
            return self._begin_pem(line, scanned, found.end())
        if index in self._named:
            return [self._name(line, body)]
        return [self._free(line, body, scanned)]

    def close(self) -> list[str]:
        """Return what the end of the text leaves: a PEM block that does not end."""
        return self._end_pem() if self._pem is not None else []

    # PEM

    def _begin_pem(self, line: str, scanned: Scanned, begins: int) -> list[str]:
        ends = _PEM_ENDS.search(line, begins)
        if ends:
            return [self._mask.spans(line, [*scanned.spans, Span(begins, ends.start())])]
        self._pem, self._pem_indent = [], ""
        return [self._mask.whole(line, begins)]

    def _in_pem(self, line: str, body: Body) -> list[str]:
        found = _PEM_ENDS.search(line)
        if self._pem is not None and not self._pem:
            self._pem_indent = line[: body.start]
        if found is None:
            if self._pem is not None:
                self._pem.append(line[body.start :].strip())
            return []
        if self._pem is not None and (before := line[body.start : found.start()].strip()):
            self._pem.append(before)
        return [
            *self._end_pem(),
            line[: body.start] + line[found.start() :] if found.start() > body.start else line,
        ]

    def _end_pem(self) -> list[str]:
        inside = " ".join(self._pem or [])
        self._pem = None
        return [self._pem_indent + self._mask.masked(inside)] if inside else []

    # What lies inside something

    def _held(self, line: str, body: Body) -> str | None:
        opened = self._opened
        if opened is None:
            return None
        match opened.kind:
            case "quote":
                self._opened = None if opened.detail in line else opened
                return self._mask.whole(line, body.start)
            case "heredoc":
                if line[body.start :].strip().rstrip(");") == opened.detail:
                    self._opened = None
                    return line
                return self._mask.whole(line, body.start)
            case "element":
                return self._element(line, body)
            case "bracket":
                return self._bracket(line, body, opened)
            case "block":
                return self._block(line, body)
            case "folded":
                return self._folded(line, body)
            case "continued":
                self._opened = opened if line.endswith("\\") else None
                return self._mask.whole(line, body.start)
            case _:
                return self._argument(line, body)

    def _element(self, line: str, body: Body) -> str:
        end = line.find("</", body.start)
        if end < 0:
            return self._mask.whole(line, body.start)
        self._opened = None
        return self._mask.spans(line, [stripped(line, body.start, end)])

    def _bracket(self, line: str, body: Body, opened: Opened) -> str:
        if len(line) > MAX_LINE:
            return self._mask.whole(line)
        inside = Bracketed(Pieces(line, tokens_of(line, body.start)), 0, opened.depth)
        spans = [span for span in inside.spans() if not is_harmless(line[span.start : span.end])]
        self._opened = Opened("bracket", depth=inside.depth) if inside.depth > 0 else None
        if self._opened is None:
            behind = inside.end
            spans += look_at(line, Body(behind, body.marker, body.indent), self._vocabulary).spans
        return self._mask.spans(line, spans)

    def _is_behind(self, line: str, body: Body) -> bool:
        """Return whether a line is no more a part of the block that is open."""
        text = line[body.start :]
        if not text.strip():
            return False
        if self._marker and body.marker != self._marker:
            return True
        depth = body.start if body.marker == self._marker else body.indent
        return depth <= self._depth and not (depth == self._depth and text.startswith(("- ", "}", "]")))

    def _block(self, line: str, body: Body) -> str | None:
        if self._is_behind(line, body):
            self._opened = None
            return None
        return self._inside(line, body.start)

    def _inside(self, line: str, start: int) -> str:
        """Mask a line inside a block that belongs to a secret key: all but its indentation and keys."""
        found = _INSIDE.match(line, start)
        if found is None or not found["value"].strip() or found["value"].strip() in _STRUCTURE:
            return line
        return self._value(line, found.start("value"))

    def _value(self, line: str, start: int) -> str:
        """Mask the value that begins at `start`: a quoted one, a list, or all that follows."""
        if len(line) > MAX_LINE:
            return self._mask.whole(line)
        pieces = Pieces(line, tokens_of(line, start))
        if pieces.is_quote(0) and pieces.closing(0) < len(pieces):
            close = pieces.closing(0)
            rest = look_at(line, Body(pieces.start(close + 1), "", 0), self._vocabulary).spans
            text = line[pieces.start(1) : pieces.start(close)]
            return (
                line
                if is_harmless(text)
                else self._mask.spans(line, [Span(pieces.start(1), pieces.start(close)), *rest])
            )
        if pieces.is_at(0, frozenset("[{")):
            inside = Bracketed(pieces, 0)
            return self._mask.spans(
                line, [s for s in inside.spans() if not is_harmless(line[s.start : s.end])]
            )
        span = stripped(line, start, len(line))
        return line if is_harmless(line[span.start : span.end]) else self._mask.spans(line, [span])

    def _folded(self, line: str, body: Body) -> str | None:
        text = line[body.start :]
        if (
            body.marker == self._marker
            and body.start > self._depth
            and text.strip()
            and not _ENTRY.match(text)
        ):
            return self._mask.whole(line, body.start)
        self._opened = None
        return None

    def _argument(self, line: str, body: Body) -> str | None:
        """Mask a line that is the value of the flag, or the key, on the line before."""
        self._opened = None
        start = body.start
        for sign in ("- ", ": "):
            if line.startswith(sign, start):
                start += 2
        text = line[start:]
        if not text.strip() or text.lstrip("\"'").startswith("-"):
            return None
        kept = line.removesuffix("\\").rstrip()
        return self._value(kept, start) + line[len(kept) :]

    # Lines by themselves

    def _name(self, line: str, body: Body) -> str:
        found = VALUE.match(line, body.start)
        if found is None:
            return line
        start = found.start("value")
        if re.fullmatch(r"[|>][+\-0-9]*+\s*+", found["value"]):
            self._open(Opened("block"), line, body)
            return line
        end = line.find("</", start)
        return self._mask.spans(line, [Span(start, end)]) if end >= 0 else self._value(line, start)

    def _free(self, line: str, body: Body, scanned: Scanned) -> str:
        if scanned.opened is not None:
            self._open(scanned.opened, line, body)
        return self._mask.spans(line, scanned.spans) if scanned.spans else line

    def _open(self, opened: Opened, line: str, body: Body) -> None:
        item = _ITEM.match(line, body.start)
        self._opened, self._marker, self._depth = opened, body.marker, item.end() if item else body.start


def walked(
    mask: Mask,
    vocabulary: Vocabulary,
    lines: Sequence[str],
    hints: Sequence[bool],
    *,
    extra: frozenset[str],
    check: Callable[[], None],
) -> Iterator[str]:
    """Yield the lines masked, of which those without a hint hold nothing by themselves.

    `extra` are names of keys that are secret in this text; `check` is called before each line that is looked at, and may end it by raising.
    """
    bare = [line.removesuffix("\r") for line in lines]
    scans: dict[int, Scanned] = {}
    for index, is_hinted in enumerate(hints):
        if is_hinted:
            check()
            scans[index] = look_at(bare[index], body_of(bare[index]), vocabulary, extra)
    _add_by_place(bare, scans, vocabulary, extra)
    passwords = passwords_by_turns(bare)
    if not passwords and all(it.is_silent and not _PEM_BEGINS.search(bare[at]) for at, it in scans.items()):
        yield from lines
        return
    named = frozenset(named_values(bare, scans))
    walk = Walk(mask, vocabulary, named)
    for index, line in enumerate(bare):
        if walk.is_calm and index not in scans and index not in named:
            yield lines[index]
            continue
        check()
        end = "\r" if len(line) < len(lines[index]) else ""
        if index in passwords:
            yield mask.whole(line, body_of(line).start) + end
            continue
        for masked in walk.step(index, line, body_of(line), scans.get(index, NOTHING)):
            yield masked + end
    yield from walk.close()


def _add_by_place(
    lines: Sequence[str], scans: dict[int, Scanned], vocabulary: Vocabulary, extra: frozenset[str]
) -> None:
    """Add what the form of the whole text and the heads of tables say is secret in a line."""
    placed = (*cells_below(lines, tuple(scans)), *passwords_by_form(lines).items())
    for index, span in placed:
        if span is None:
            scans[index] = NOTHING
            continue
        if scans.get(index, NOTHING) is NOTHING:
            scans[index] = look_at(lines[index], body_of(lines[index]), vocabulary, extra)
        scans[index].spans.append(span)
