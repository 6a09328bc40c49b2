"""`sts-agent status`: what the daemon is doing and what waits; from the spool's files when it does not answer.

It says "not running" only when that is known: a daemon that does not answer in time, or that this user may not
ask, may run all the same.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import agent.cli.late_platform  # noqa: F401 - before what imports uuid
from agent.cli import COMMANDS, DONE, FAILED, CommandError, Subparsers, complain
from agent.cli.daemon_client import LostAnswerError, NotAllowedError, NotAnsweringError, ask
from agent.cli.paths import places_first
from agent.cli.table import print_wrapped
from agent.cli.terminal import columns, printable_json
from agent.runtime.status import Document, without_daemon
from agent.runtime.status_actions import actions
from collectors._portable import are

if TYPE_CHECKING:  # it is looked at only where the daemon does not answer
    from agent.configuration.types import Configuration

_AT_MOST_SECONDS = 3.0


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    parser = subparsers.add_parser("status", help=COMMANDS["status"], description=__doc__)
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 when action is needed")
    parser.add_argument(
        "--acknowledge",
        action="store_true",
        help="take note of what was dropped so far (root and the service's user)",
    )


def run(arguments: Namespace) -> int:
    """Show it."""
    places, configuration = places_first(arguments)
    if arguments.acknowledge:
        _acknowledge(places.socket)
    document = read_document(places.socket, configuration)
    if arguments.user:
        document.what_to_do = [_of_a_desktop(advice) for advice in document.what_to_do]
    if arguments.json:
        import msgspec

        print(printable_json(msgspec.json.encode(document).decode()))
    else:
        from agent.cli import status_screen

        width = columns()
        for line in status_screen.lines(document):
            print_wrapped(line, width)
    if not arguments.json and not sys.stdout.isatty():
        for reason in document.action_needed:  # whoever keeps the messages alone finds out why
            complain(f"action needed: {reason}")
    return FAILED if document.action_needed and arguments.exit_code else DONE


def _of_a_desktop(advice: str) -> str:
    """Return advice for the agent that a user runs for himself, by his own manager."""
    for program in ("systemctl", "journalctl", "sts-agent"):
        advice = advice.replace(f"`{program} ", f"`{program} --user ")
    return advice


def _acknowledge(socket: Path) -> None:
    count = json.loads(ask(socket, "POST", "/drops/acknowledge").accepted())["count"]
    complain(f"{are(count, 'dropped event')} acknowledged")


def read_document(socket: Path, configuration: "Callable[[], Configuration]") -> Document:
    """Return what the daemon says of itself, or its files where it does not answer, and what to do about it.

    Raises `CommandError`.
    """
    document = _read(socket, configuration)
    found = actions(document)
    document.action_needed = [action.reason for action in found]
    document.what_to_do = [action.advice for action in found]
    return document


def _read(socket: Path, configuration: "Callable[[], Configuration]") -> Document:
    try:
        reply = ask(socket, "GET", "/status", timeout_seconds=_AT_MOST_SECONDS)
    except (NotAnsweringError, NotAllowedError, LostAnswerError) as error:
        return _read_files(configuration(), error)
    import msgspec

    return msgspec.json.decode(reply.accepted(), type=Document)


def _is_running(directory: Path, error: CommandError) -> bool | None:
    """Return whether a daemon runs that was not heard, None where that cannot be told."""
    from spool.lock import is_held

    held = is_held(directory)
    if isinstance(error, LostAnswerError):
        return True if held else None  # something does listen there
    return held


def _read_files(configured: "Configuration", error: CommandError) -> Document:
    from agent.runtime.status_files import status_of
    from spool import SpoolError, SpoolReader

    facts = {
        "socket": str(configured.socket),
        "configuration": [str(source) for source in configured.sources],
        "replaced": list(configured.replaced),
        "set_aside": {str(path): list(problems) for path, problems in configured.set_aside.items()},
        "warnings": list(configured.warnings),
    }
    directory = configured.spool_directory
    running = _is_running(directory, error)
    no_answer = "" if running is False else str(error)
    try:
        with SpoolReader.open(directory) as reader:
            status = status_of(reader, configured.settings.destinations)
            return without_daemon(directory, status, facts, running=running, no_answer=no_answer)
    except SpoolError as unreadable:
        complain(str(unreadable))
        return without_daemon(directory, None, facts, running=running, no_answer=no_answer)
