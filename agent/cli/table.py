"""How results look to people: tables, times, sizes. Imported only by commands that print some."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from agent.events.stored_event import StoredEvent
from collectors._portable import printable


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, as wide as the terminal; as wide as it needs where there is none."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from agent.cli.terminal import coloured

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(file=coloured(sys.stdout), width=None if sys.stdout.isatty() else 400, highlight=False).print(
        table
    )


def moment(seconds: float | None) -> str:
    """Return a point in time as this host's clock on the wall shows it."""
    return (
        "-" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    )


def size(amount: float) -> str:
    """Return bytes in the unit that suits them."""
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:  # noqa: PLR2004 - the step from unit to unit
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def one_line(event: StoredEvent) -> str:
    """Return an event as one line: when, what, and its title; nothing in it can move the cursor."""
    when = moment(event.timestamp)
    return f"{when}  {printable(event.event_type or ''):28}  {printable(event.title or '')}"
