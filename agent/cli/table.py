"""How results look to people: tables, times, sizes. Imported only by commands that print some."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from agent.cli.terminal import columns
from collectors._portable import printable


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, as wide as `$COLUMNS` or the terminal; as wide as it needs where there is neither.

    Where it is too wide, each row is a block of lines instead: a name and a value.
    """
    lines = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *lines, strict=True)]
    most = columns()
    if most is None or sum(widths) + 2 * (len(widths) - 1) <= most:
        for row in (headings, *lines):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())
        return
    for row in lines:
        print_wrapped(row[0], most)
        for heading, cell in zip(headings[1:], row[1:], strict=True):
            print_wrapped(f"  {heading}: {cell or '-'}", most)


def print_wrapped(text: str, most: int | None, further: int = 2) -> None:
    """Print a line, broken at blanks where it is wider than `most`; what follows is indented so much further."""
    indent = " " * (len(text) - len(text.lstrip()) + further)
    if most is None or len(text) <= most:
        print(text)
        return
    from textwrap import wrap

    for line in wrap(text, max(most, 20), subsequent_indent=indent, break_on_hyphens=False):
        print(line)


def moment(seconds: float | None) -> str:
    """Return a point in time as this host's clock on the wall shows it."""
    return (
        "-" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    )


def ago(seconds: float | None) -> str:
    """Return a point in time, and how long ago that is; `never` for None."""
    if seconds is None:
        return "never"
    passed = time.time() - seconds
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if passed >= 2 * length:
            return f"{moment(seconds)}, {passed / length:.0f} {unit} ago"
    return moment(seconds)


def size(amount: float) -> str:
    """Return bytes in the unit that suits them."""
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:  # noqa: PLR2004 - the step from unit to unit
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
