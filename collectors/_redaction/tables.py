"""Tables with a column of secrets: CSV, the tables of Markdown, a comment that names the fields of the lines below it. Pure.

The first line of such a table names its columns, and no line below does; so a line of nothing but short names, one of them
that of a secret, is looked at as the head of a table.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence

from collectors._redaction.extent import Span
from collectors._redaction.secrets import MAX_LINE, Sounds, sounds
from collectors._redaction.tokens import body_of
from collectors._redaction.values import is_plain, looks_secret
from collectors._redaction.verdict import is_masked

_NAME = r"""[ "'*`]{0,4}+[a-zA-Z][\w.()\-]{0,30}+(?: [\w()\-][\w()\-]{0,29}+){0,2}+["'*` ]{0,30}+"""
_HEADS = {
    sign: re.compile(rf"(?:\| ?)?{_NAME}(?>(?:[{sign}]{_NAME}){{1,20}})\|?") for sign in (",", ";", "\t", "|")
}
_CELLS = {
    sign: re.compile(rf"""\s*+(?:"(?P<quoted>[^"]*+)"[^{sign}]*+|["'`*]{{0,2}}+(?P<bare>[^{sign}]*+))""")
    for sign in _HEADS
}
_FIELD = r"[a-zA-Z][\w.\[\]:()\-]{0,30}(?: [\w()\-]{1,30})?"
_FIELDS = re.compile(rf"{_FIELD}(?:(?:\t|  )[ \t]{{0,60}}{_FIELD}){{1,10}}")
_GAP = re.compile(r"(?:\t|  )[ \t]*+")
_WORD = re.compile(r"""(?P<quote>["']?)(?P<value>(?<=["'])[^"']++|\S++)""")
_MOST_WORDS = 3
_MORE_FIELDS = 2


Cell = tuple[int, Span | None]


def cells_below(lines: Sequence[str], candidates: Iterable[int]) -> Iterator[Cell]:
    """Yield the lines and places of what stands in a column of secrets, and of its head the line alone, which holds names.

    `candidates` are the lines that may be heads.

    A row is no head of another table, and a text has one comment that names its fields: so each line is looked at once.
    """
    end, has_fields = -1, False
    for index in candidates:
        line = lines[index]
        if index < end or len(line) > MAX_LINE:
            continue
        body = body_of(line)
        head = line[body.start :].rstrip()
        sign = next((it for it, form in _HEADS.items() if it in head and form.fullmatch(head)), "")
        if sign:
            end = yield from _in_columns(lines, index, sign)
        elif not has_fields and body.marker and ("\t" in head or "  " in head) and _FIELDS.fullmatch(head):
            has_fields = yield from _in_fields(lines, index, len(body.marker), _GAP.split(head))


def _in_columns(lines: Sequence[str], head: int, sign: str) -> Generator[Cell, None, int]:
    """Yield what the rows below a head hold in its columns of secrets; return the line behind them."""
    names = [lines[head][cell.start : cell.end].strip("\"'`* ") for cell in _cells(lines[head], sign)]
    columns = [
        (at, name, level) for at, name in enumerate(names) if (level := sounds(name.replace(" ", "_")))
    ]
    if not any(level >= Sounds.SECRET for *_, level in columns):
        return head
    is_head = not any(map(looks_secret, names)) and _is_row(lines, head + 1, sign, len(names))
    yield from [(head, None)] * is_head
    for index in range(head + 1, len(lines)):
        line = lines[index]
        if not _is_row(lines, index, sign, len(names)):
            return index
        cells = _cells(line, sign)
        for at, name, level in columns:
            value = line[cells[at].start : cells[at].end]
            if value.strip("-: ") and len(value.split()) <= _MOST_WORDS and is_masked(name, level, value):
                yield index, cells[at]
    return len(lines)


def _is_row(lines: Sequence[str], index: int, sign: str, count: int) -> bool:
    return index < len(lines) and len(lines[index]) <= MAX_LINE and len(_cells(lines[index], sign)) == count


def _cells(line: str, sign: str) -> list[Span]:
    """Return where the cells of a row are, without quotes and blanks around them."""
    body = body_of(line)
    text = line[: len(line.rstrip().removesuffix("|"))] if sign == "|" else line.rstrip()
    at = body.start + (sign == "|" and line.startswith("|", body.start))
    cells = []
    while at <= len(text) and (found := _CELLS[sign].match(text, at)):
        group = found.lastgroup or "bare"
        start = found.start(group)
        cells.append(Span(start, start + len(found[group].rstrip("\"'`* "))))
        at = found.end() + 1
    return cells


def _in_fields(
    lines: Sequence[str], head: int, marks: int, names: Sequence[str]
) -> Generator[Cell, None, bool]:
    """Yield the fields of lines below a comment that names them, `# client  server  secret`; return whether it does."""
    column = next((at for at, name in enumerate(names) if sounds(name) >= Sounds.SECRET), None)
    if column is None:
        return False
    yield head, None
    for index in range(head + 1, len(lines)):
        line = lines[index]
        body = body_of(line)
        if len(line) > MAX_LINE or len(body.marker) >= marks:
            continue
        words = list(_WORD.finditer(line, body.start))
        if column < len(words) <= len(names) + _MORE_FIELDS and not is_plain(words[column]["value"]):
            yield index, Span(*words[column].span("value"))
    return True
