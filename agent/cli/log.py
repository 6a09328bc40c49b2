"""`sts-agent log`: this host's history, delivered or not: what happened, when, and why."""

import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterable
from contextlib import ExitStack, nullcontext

import agent.cli.late_inspect
import agent.cli.late_platform  # noqa: F401 - both before what imports dataclasses and uuid
from agent.cli import COMMANDS, DONE, Subparsers, complain
from agent.cli.history import Kept, as_recorded, by_time, last, newest
from agent.cli.log_lines import below, led_to_lines, on_one_line, one_line
from agent.cli.pager import paged
from agent.cli.paths import places_first, spool_to_read
from agent.cli.terminal import is_reader_gone, printable_json
from agent.cli.wanted import Wanted, add_filters, add_times, unit_name, wanted
from spool import SpoolError, SpoolReader

_LOOK_AGAIN_SECONDS = 0.5
_BEFORE_FOLLOWING = 10


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    parser = subparsers.add_parser("log", help=COMMANDS["log"], description=__doc__)
    parser.add_argument("-f", "--follow", action="store_true", help="go on showing what comes")
    parser.add_argument("-n", "--lines", type=_count, metavar="N", help="only the last N that were recorded")
    add_times(parser)
    add_filters(parser)
    parser.add_argument("--diff", action="store_true", help="show what changed in a file")
    parser.add_argument("--full", action="store_true", help="show the text of each event as well")
    parser.add_argument(
        "--by",
        choices=("time", "recorded"),
        default="time",
        help="in the order of when it happened (default), or of when it was recorded",
    )
    parser.add_argument("--json", action="store_true", help="one event's JSON object a line")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is no number of events")
    return int(text)


def run(arguments: Namespace) -> int:
    """Show it."""
    asked = wanted(arguments)
    places, _ = places_first(arguments)
    with SpoolReader.open(spool_to_read(places)) as reader:
        # Asked first: what comes while the past is shown is shown by following, not passed over.
        end = newest(reader)
        is_found = arguments.follow or arguments.lines == 0
        with nullcontext() if arguments.follow else paged():
            for kept in _past(reader, asked, arguments):
                _show(kept, arguments)
                end, is_found = max(end, kept.number), True
            if asked.around is not None and not arguments.json:
                units = tuple(map(unit_name, arguments.unit))
                _show_what_led_to(asked.around, (asked.since or 0, asked.until or 0), units, reader)
        if not is_found:
            complain("no event recorded here fits")
        if reader.passed_by:
            complain("parts of the history are damaged and left out; the daemon saves what can be saved")
        if arguments.follow:
            with ExitStack() as opened:
                _follow(reader, asked, end, arguments, opened)
    return DONE


def _show_what_led_to(
    moment: float, near: tuple[float, float], units: tuple[str, ...], reader: SpoolReader
) -> None:
    from agent.cli.led_to import read_led_to

    for line in led_to_lines(read_led_to(reader, moment, near, units)):
        print(line)


def _past(reader: SpoolReader, asked: Wanted, arguments: Namespace) -> Iterable[Kept]:
    lines = arguments.lines
    if lines is None and arguments.follow and asked.since is None:
        lines = _BEFORE_FOLLOWING
    in_order_of_time = arguments.by == "time"
    if lines is None:
        return by_time(reader, asked) if in_order_of_time else as_recorded(reader, asked)
    found = last(reader, asked, lines)
    return sorted(found, key=lambda kept: kept.happened) if in_order_of_time else found


def _follow(reader: SpoolReader, asked: Wanted, end: int, arguments: Namespace, opened: ExitStack) -> None:
    """Show what comes, also in the file that takes the place of a damaged one: numbers go on there."""
    is_told = False
    while True:
        try:
            for kept in as_recorded(reader, asked, after=end):
                _show(kept, arguments)
                end = kept.number
        except SpoolError as damage:
            if not is_told:
                complain(str(damage))
            is_told = True
        sys.stdout.flush()
        if is_reader_gone(_LOOK_AGAIN_SECONDS):
            return
        fresh = reader.renewed()
        if fresh is not None:
            reader, is_told = opened.enter_context(fresh), False


def _show(kept: Kept, arguments: Namespace) -> None:
    if arguments.json:
        print(printable_json(on_one_line(kept.body)))
        return
    sys.stdout.write(f"{one_line(kept)}\n")  # half the work of `print`, and a history is long
    for line in below(kept, full=arguments.full, diff=arguments.diff):
        print(line)
