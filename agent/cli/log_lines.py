"""How an event looks in `log`: a line with its time, its zone and its reason, and what is asked for below it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from agent.cli.history import Kept
from agent.cli.reason import key_change, reason
from agent.events.stored_event import StoredEvent
from collectors._portable import printable, printable_lines

if TYPE_CHECKING:
    from agent.cli.led_to import Led

_TYPE_WIDTH = 31


def moment(seconds: float) -> str:
    """Return a point in time as this host's clock shows it, with its distance from UTC: `--since` understands it."""
    return _moment(seconds // 1, time.tzname)


@lru_cache(maxsize=1024)  # much happens in one second, and it is the dearest part of a line
def _moment(seconds: float, _zone: tuple[str, str]) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "seconds")
    except (ValueError, OverflowError, OSError):
        return f"@{seconds:.0f}"  # no year of a calendar


def one_line(kept: Kept) -> str:
    """Return an event as one line: when, what, its title and its reason; nothing in it can move the cursor."""
    event = kept.event
    why = reason(event)
    late = f"  [late: recorded {moment(kept.recorded)}]" if kept.is_late else ""
    said = f"{event.title or ''} ({why})" if why else event.title or ""
    kind = printable(event.event_type or "")
    return f"{moment(kept.happened)}  {kind:{_TYPE_WIDTH}}  {printable(said)}{late}"


def below(kept: Kept, *, full: bool, diff: bool) -> Iterator[str]:
    """Yield the lines that are asked for below an event, indented."""
    if full and kept.event.text:
        yield from _indented(kept.event.text)
    if diff:
        yield from _diff(kept.event)


def led_to_lines(led: "Led") -> Iterator[str]:
    """Yield what led to a moment, the most tied first; nothing where nothing changed before it."""
    if led.named:
        yield ""
        yield f"Before {printable(led.to) or 'that moment'} ({moment(led.time)}), the most tied to it first:"
    for one in led.named:
        when = moment(led.time - one["seconds_before"]) if isinstance(one.get("seconds_before"), int) else ""
        yield f"{when}  {printable(str(one.get('title') or ''))} ({printable(str(one.get('reason') or ''))})"


def on_one_line(body: bytes) -> str:
    """Return an event's JSON on one line; what is none, as text."""
    try:
        return msgspec.json.format(body, indent=-1).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return " ".join(body.decode("utf-8", "backslashreplace").split())


def _diff(event: StoredEvent) -> Iterator[str]:
    data = (event.context and event.context.data) or {}
    if data.get("diff"):
        yield from _indented(str(data["diff"]))
    changes = data.get("changes")
    for change in changes if isinstance(changes, list) else ():
        if isinstance(change, dict):
            yield f"    {printable(key_change(change))}"


def _indented(text: str) -> Iterator[str]:
    for line in text.removesuffix("\n").split("\n"):
        yield f"    {printable_lines(line)}"
