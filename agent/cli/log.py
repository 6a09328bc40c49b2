"""`sts-agent log`: this host's history from the spool, delivered or not, newest last."""

import sys
import time
from argparse import Namespace
from collections import deque
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import chain
from typing import NamedTuple

import msgspec

from agent.cli import DONE, Subparsers, complain
from agent.cli.paths import configuration
from agent.cli.time_argument import parse_moment
from agent.events.chunk import entries
from agent.events.stored_event import StoredEvent, read
from collectors._portable import printable, printable_lines
from spool import Record, SpoolReader, StoredRecord

_LOOK_AGAIN_SECONDS = 0.5
_BEFORE_FOLLOWING = 10


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    parser = subparsers.add_parser("log", description=__doc__)
    parser.add_argument("-f", "--follow", action="store_true", help="go on showing what comes")
    parser.add_argument("-n", "--lines", type=int, metavar="N", help="only the last N events")
    parser.add_argument(
        "--since", metavar="T", help="from then on: ISO 8601, seconds, or 2h for two hours ago"
    )
    parser.add_argument("--until", metavar="T", help="up to then")
    parser.add_argument(
        "--type", action="append", default=[], metavar="T", help="of this event type; * matches"
    )
    parser.add_argument("--tag", action="append", default=[], metavar="T", help="with this tag; * matches")
    parser.add_argument("--diff", action="store_true", help="show what changed in a file")
    parser.add_argument("--json", action="store_true", help="one event's JSON object a line")


class Kept(NamedTuple):
    """One event as it is in the spool."""

    number: int
    body: bytes
    event: StoredEvent


class Wanted(NamedTuple):
    """Which events are asked for."""

    since: float | None
    until: float | None
    types: list[str]
    tags: list[str]

    def has(self, event: StoredEvent) -> bool:
        """Return whether one event is among them."""
        happened = event.timestamp or 0
        return (
            (self.since is None or happened >= self.since)
            and (self.until is None or happened < self.until)
            and _matches([event.event_type or ""], self.types)
            and _matches(event.tags or (), self.tags)
        )


def run(arguments: Namespace) -> int:
    """Show it."""
    wanted = Wanted(
        parse_moment(arguments.since) if arguments.since else None,
        parse_moment(arguments.until) if arguments.until else None,
        arguments.type,
        arguments.tag,
    )
    lines = arguments.lines
    if lines is None and arguments.follow and wanted.since is None:
        lines = _BEFORE_FOLLOWING
    with SpoolReader.open(configuration(arguments).spool_directory) as reader:
        # Asked first: what comes while the past is shown is shown by following, not passed over.
        last = _newest(reader)
        for kept in _last(reader, wanted, lines) if lines is not None else _all(reader, wanted):
            _show(kept, arguments)
            last = max(last, kept.number)
        if reader.passed_by:
            complain("parts of the history are damaged and left out; the daemon saves what can be saved")
        if arguments.follow:
            _follow(reader, wanted, last, arguments)
    return DONE


def _all(reader: SpoolReader, wanted: Wanted) -> Iterator[Kept]:
    return _events(reader.records(wanted.since, wanted.until), wanted)


def _last(reader: SpoolReader, wanted: Wanted, lines: int) -> Iterable[Kept]:
    found: deque[Kept] = deque()
    for stored in reader.records(wanted.since, wanted.until, newest_first=True):
        if len(found) >= lines:
            break
        found.extendleft(reversed([*_events([stored], wanted)]))
    return list(found)[-lines:] if lines else []


def _newest(reader: SpoolReader) -> int:
    stored = next(iter(reader.records(newest_first=True)), None)
    return stored.number if stored else 0


def _follow(reader: SpoolReader, wanted: Wanted, last: int, arguments: Namespace) -> None:
    while True:
        sys.stdout.flush()
        for stored in reader.records(after=last):
            for kept in _events([stored], wanted):
                _show(kept, arguments)
            last = stored.number
        time.sleep(_LOOK_AGAIN_SECONDS)


def _events(records: Iterable[StoredRecord], wanted: Wanted) -> Iterator[Kept]:
    for stored in records:
        record = stored.record
        if _matches(record.event_types, wanted.types) and _matches(record.tags, wanted.tags):
            for body, event in _read(record):
                if wanted.has(event):
                    yield Kept(stored.number, body, event)


def _read(record: Record) -> Iterator[tuple[bytes, StoredEvent]]:
    """Yield each event of a record; what cannot be read, of an older version, is a line that says so."""
    try:
        bodies = entries(record)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        bodies = [b"null"] * record.count
    for body in bodies:
        yield body, read(body) or _unreadable(record)


def _unreadable(record: Record) -> StoredEvent:
    kind = record.event_types[0] if len(record.event_types) == 1 else record.name
    return StoredEvent(kind, "(this event cannot be read)", tags=record.tags, timestamp=record.first_time)


def _matches(values: Iterable[str], patterns: list[str]) -> bool:
    return not patterns or any(fnmatchcase(value, pattern) for value in values for pattern in patterns)


def _show(kept: Kept, arguments: Namespace) -> None:
    if arguments.json:
        print(_on_one_line(kept.body))
        return
    from agent.cli.table import one_line

    print(one_line(kept.event))
    if arguments.diff:
        for line in _diff(kept.event):
            print(f"    {printable_lines(line)}")


def _on_one_line(body: bytes) -> str:
    try:
        return msgspec.json.format(body, indent=-1).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return " ".join(body.decode("utf-8", "backslashreplace").split())


def _diff(event: StoredEvent) -> Iterable[str]:
    data = (event.context and event.context.data) or {}
    changes = data.get("changes")
    return chain(
        str(data.get("diff") or "").removesuffix("\n").split("\n") if data.get("diff") else (),
        (
            printable(f"{change.get('key')}: {change.get('old')} -> {change.get('new')}")
            for change in (changes if isinstance(changes, list) else ())
            if isinstance(change, dict)
        ),
    )
