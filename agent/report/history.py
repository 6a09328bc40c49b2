"""What of the history goes into a page: texts alone, each printable, whatever an event holds.

It never keeps more than so many events, the newest, nor more than so many bytes of them, and says what it left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from agent.cli.reason import reason
from agent.events.recorded import read_record
from agent.events.stored_event import StoredEvent
from collectors._portable import printable, printable_lines
from spool import SpoolReader

MOST_EVENTS = 50_000
MOST_BYTES = 64 << 20
"""Of one page, of the JSON in the spool; a browser opens that without trouble."""

_ABOUT = ("path", "unit", "package", "name", "boot_id")
"""The keys of an event's data that name what it is about, the first that is there."""
_APART = {"diff", "changes", "preceded_by"}


class Shown(msgspec.Struct, omit_defaults=True, gc=False):
    """One event of a page; every text in it is printable, `text` and `diff` by lines."""

    time: int
    """Seconds since the epoch."""
    clock: str
    """The same as this host's clock showed it."""
    type: str
    category: str
    title: str
    why: str = ""
    """What the title does not say, as `log` shows it behind the title."""
    about: str = ""
    text: str = ""
    diff: str = ""
    id: str = ""
    tags: list[str] = []
    data: list[tuple[str, str]] = []
    changes: list[tuple[str, str, str]] = []
    """Key, old value, new value."""
    preceded_by: list[tuple[str, str, str]] = []
    """Identifier, title, and why it is named."""


class History(NamedTuple):
    """The events of a page, in the order of when they happened."""

    events: Sequence[Shown]
    left_out: bool
    """Whether older ones that were asked for did not find room."""
    damaged: int
    """How many places of the spool could not be read."""
    hostname: str
    """The name that the newest of them carries."""


def read_history(
    reader: SpoolReader,
    since: float | None,
    until: float | None,
    most_events: int = MOST_EVENTS,
    most_bytes: int = MOST_BYTES,
) -> History:
    """Return what happened in since <= time < until (seconds since the epoch), the newest recorded.

    Raises `SpoolError` when the spool cannot be read.
    """
    events: list[Shown] = []
    hostname, room, left_out = "", most_bytes, False
    for body, event in _within(_stored(reader, since, until), since, until):
        room -= len(body)
        if left_out := len(events) == most_events or room < 0:
            break
        hostname = hostname or event.host or ""
        events.append(shown(event))
    return History(_in_order(events), left_out, reader.passed_by, printable(hostname))


def _in_order(events: list[Shown]) -> list[Shown]:
    events.reverse()  # what happened in one second stays in the order of its recording
    return sorted(events, key=lambda event: event.time)


def _stored(
    reader: SpoolReader, since: float | None, until: float | None
) -> Iterator[tuple[bytes, StoredEvent]]:
    for stored in reader.records(since, until, newest_first=True):
        yield from reversed([*read_record(stored.record)])


def _within(
    found: Iterable[tuple[bytes, StoredEvent]], since: float | None, until: float | None
) -> Iterator[tuple[bytes, StoredEvent]]:
    for body, event in found:
        happened = event.timestamp or 0
        if (since is None or happened >= since) and (until is None or happened < until):
            yield body, event


def shown(event: StoredEvent) -> Shown:
    """Return an event as a page shows it."""
    context = event.context
    data = (context and context.data) or {}
    title = printable(event.title or "")
    text = printable_lines(event.text or "")
    return Shown(
        time=event.timestamp or 0,
        clock=clock(event.timestamp or 0),
        type=printable(event.event_type or ""),
        category=printable((context and context.category) or "Others"),
        title=title,
        why=printable(reason(event)),
        about=next((_text(data[key]) for key in _ABOUT if data.get(key)), ""),
        text="" if text == title else text,
        diff=printable_lines(str(data.get("diff") or "")),
        id=printable((context and context.source_identifier) or ""),
        tags=[printable(tag) for tag in event.tags or ()],
        data=[(printable(key), _text(value)) for key, value in data.items() if key not in _APART],
        changes=[
            (_text(change.get("key")), _text(change.get("old")), _text(change.get("new")))
            for change in _objects(data.get("changes"))
        ],
        preceded_by=named(_objects(data.get("preceded_by"))),
    )


def named(preceding: Iterable[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what `preceded_by` says as a page shows it: identifier, title, and why it is named."""
    return [(_text(one.get("source_identifier")), _text(one.get("title")), _reason(one)) for one in preceding]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))


def _reason(one: dict[str, Any]) -> str:
    before = one.get("seconds_before")
    return ", ".join(
        filter(None, (f"{_text(before)} s before" if before is not None else "", _text(one.get("reason"))))
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return printable(text)


def clock(seconds: float) -> str:
    """Return a moment as this host's clock shows it; what no clock can show, as the number it is."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(seconds)
