"""Which events of the history are asked for: times, and filters that do not look at upper and lower case. Pure."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from agent.cli import MISUSED, CommandError
from agent.events.stored_event import StoredEvent
from spool import Record

_WINDOW = "30m"
_AFTERWARDS = 0.1
"""Of a window around a moment so much of it again comes behind the moment."""
_WILD = frozenset("*?[")

T_IS = (
    "14:03, yesterday, 'today 14:03', '2026-11-26 14:03', 1h30m (ago), ISO 8601, or seconds since the epoch"
)


def add_times(parser: ArgumentParser) -> None:
    """Add the words that choose a stretch of time."""
    parser.add_argument("--since", metavar="T", help=f"from then on; T is {T_IS}")
    parser.add_argument("--until", metavar="T", help="up to then")
    parser.add_argument(
        "--around", metavar="T", help="what happened before that moment, and shortly after it"
    )
    parser.add_argument(
        "--window",
        metavar="D",
        help=f"with --around: so long before it, and a tenth of that after it (default: {_WINDOW})",
    )


def add_filters(parser: ArgumentParser) -> None:
    """Add the words that choose by what an event says; upper and lower case are the same to all of them."""
    for option, metavar, text in (
        ("--type", "T", "of this event type; * matches"),
        ("--tag", "T", "with this tag; * matches"),
        ("--category", "C", "of this category, as Changes"),
        ("--unit", "U", "of this service, with or without .service; * matches"),
        ("--path", "GLOB", "of this file, or of files below this directory; * matches"),
        ("--grep", "TEXT", "with this text anywhere: title, text, tags, data"),
    ):
        parser.add_argument(option, action="append", default=[], metavar=metavar, help=text)


class Wanted(NamedTuple):
    """Which events are asked for; of several values of one filter any may match, filters have to match all."""

    since: float | None = None
    until: float | None = None
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    around: float | None = None
    """The moment that was asked about."""

    def may_be_in(self, record: Record) -> bool:
        """Return whether any event of a record can be wanted, as far as is known without looking into it."""
        return _matches(record.event_types, self.types) and _matches(record.tags, self.tags)

    def has(self, event: StoredEvent, happened: float) -> bool:
        """Return whether one event is among them."""
        if (self.since is not None and happened < self.since) or (
            self.until is not None and happened >= self.until
        ):
            return False
        return not any(self[2:-1]) or self._fits(event)

    def _fits(self, event: StoredEvent) -> bool:
        context = event.context
        data = (context and context.data) or {}
        return (
            _matches([event.event_type or ""], self.types)
            and _matches(event.tags or (), self.tags)
            and _matches([(context and context.category) or ""], self.categories)
            and _matches([str(data.get("unit", ""))], self.units)
            and _matches([str(data.get(key, "")) for key in ("path", "renamed_from")], self.paths)
            and (not self.texts or _says_any(event, data, self.texts))
        )


def wanted(arguments: Namespace) -> Wanted:
    """Return what the words ask for; raises `CommandError`."""
    since, until = _times(arguments)
    return Wanted(
        since,
        until,
        _folded(arguments.type),
        _folded(arguments.tag),
        _folded(arguments.category),
        tuple(unit_name(one) for one in _folded(arguments.unit)),
        tuple(pattern for one in _folded(arguments.path) for pattern in _path(one)),
        _folded(arguments.grep),
        None if arguments.around is None else _moment(arguments.around),
    )


def _times(arguments: Namespace) -> tuple[float | None, float | None]:
    if arguments.around is None:
        if arguments.window is not None:
            raise CommandError("--window says how far to look --around a moment", "give --around T", MISUSED)
        since = None if arguments.since is None else _moment(arguments.since)
        until = None if arguments.until is None else _moment(arguments.until, since or _moment("today"))
        if since is not None and until is not None and since >= until:
            raise CommandError("--since is not before --until", "nothing can lie between them", MISUSED)
        return since, until
    if arguments.since is not None or arguments.until is not None:
        raise CommandError("--around says both ends itself", "leave --since and --until out", MISUSED)
    from agent.cli.time_argument import parse_span

    moment, span = _moment(arguments.around), parse_span(arguments.window or _WINDOW)
    return moment - span, moment + span * _AFTERWARDS


def _moment(text: str, not_before: float | None = None) -> int:
    from agent.cli.time_argument import parse_moment  # most commands name no time

    return parse_moment(text, not_before=not_before)


def _folded(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value.casefold() for value in values)


def unit_name(pattern: str) -> str:
    """Return a unit as people name it with its kind, which is a service where they do not say it."""
    return pattern if _WILD & set(pattern) or "." in pattern else f"{pattern}.service"


def _path(pattern: str) -> Iterator[str]:
    """Yield what a path stands for: itself, and whatever is below it."""
    yield pattern.rstrip("/") or "/"
    if not _WILD & set(pattern):
        yield f"{pattern.rstrip('/')}/*"


def _matches(values: Iterable[str], patterns: tuple[str, ...]) -> bool:
    return not patterns or any(
        fnmatchcase(value.casefold(), pattern) for value in values for pattern in patterns
    )


def _says_any(event: StoredEvent, data: Any, texts: tuple[str, ...]) -> bool:
    said = "\n".join(_texts([event.event_type, event.title, event.text, event.tags, data])).casefold()
    return any(text in said for text in texts)


def _texts(values: list[Any]) -> Iterator[str]:
    """Yield every text in these values, however deep."""
    waiting = list(values)
    while waiting:
        match waiting.pop():
            case dict() as mapping:
                waiting += [*mapping.keys(), *mapping.values()]
            case list() | tuple() as several:
                waiting += several
            case None:
                pass
            case one:
                yield str(one)
