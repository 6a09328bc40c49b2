"""`sts-agent event send`: one event by hand, from a script or a unit's ExecStartPre.

It must be quick, and end within 3 s whatever happens. It says done only when the event is on disk.
"""

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from agent.cli import BEST_EFFORT, DONE, MISUSED, CommandError, Subparsers, complain
from agent.cli.daemon_client import LostAnswerError, NotAllowedError, NotAnsweringError, ask
from agent.cli.words_of_event import compose

DEFAULT_SOCKET = "/run/sts-agent/intake.sock"
_NO_ROOM_NOW = frozenset({429, 503, 507})
"""The daemon's ways to say that it could not take it just now: nothing was kept, and nothing was wrong with it."""
_ASKED_AT_MOST_SECONDS = 1.5  # of 3: starting, ending and the way by the files take some


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    event = subparsers.add_parser("event", description="Record an event by hand.")
    actions = event.add_subparsers(dest="action", metavar="ACTION", required=True)
    send = actions.add_parser("send", help="record one event", description=__doc__.partition("\n")[0])
    send.add_argument("type", metavar="TYPE", help="the event's type, as DeploymentEvent")
    send.add_argument("--title", required=True, help="what happened, in a few words")
    send.add_argument("--text", default="", help="what happened, in more words; `-` reads them from stdin")
    _add_what_it_is_about(send)
    send.add_argument("--name", default="custom", help="the event's name (default: custom)")
    send.add_argument(
        "--timestamp",
        metavar="TIME",
        help="seconds since the epoch, or ISO 8601, of this host's zone where it names none (default: now)",
    )
    send.add_argument(
        "--source-identifier",
        metavar="ID",
        help="the same for the same fact (default: a new one)",
    )
    send.add_argument(BEST_EFFORT, action="store_true", help="any failure is a warning; always exit 0")
    send.add_argument("--json", action="store_true", help="print the result as a JSON object")


def _add_what_it_is_about(send: ArgumentParser) -> None:
    send.add_argument(
        "-i",
        "--identifiers",
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="the elements it is about (default: this host)",
    )
    send.add_argument("-s", "--source", default="sts-agent", help="who says so (default: sts-agent)")
    send.add_argument(
        "-c",
        "--category",
        default="Others",
        help="Activities, Alerts, Anomalies, Changes, Deployments or Others (default)",
    )
    send.add_argument(
        "-d",
        "--data",
        metavar="JSON",
        help="an object of scalars; @FILE that holds one, or `-` for stdin",
    )
    send.add_argument(
        "--links", nargs="+", action="extend", default=[], metavar="LINK", help='"title: url" each'
    )
    send.add_argument("--tags", nargs="+", action="extend", default=[], metavar="TAG", help="k:v each")


def run(arguments: Namespace) -> int:
    """Record the event, print its identifier."""
    try:
        identifier, where = _send(arguments)
    except Exception as error:
        if not arguments.best_effort:
            raise
        complain(f"warning: the event was not recorded: {error}")
        return DONE
    if arguments.json:
        import json

        print(json.dumps({"source_identifier": identifier, "kept_by": where}))
    else:
        print(identifier)
    return DONE


def _send(arguments: Namespace) -> tuple[str, str]:
    identifier, body = compose(arguments)
    deadline = (
        time.monotonic() + _ASKED_AT_MOST_SECONDS
    )  # what is read from stdin takes as long as its writer does
    failure: CommandError | None = None
    for path in _sockets(arguments):
        left = max(0.1, deadline - time.monotonic())
        try:
            reply = ask(path, "POST", "/stsAgent/intake", body, timeout_seconds=left)
        except (NotAnsweringError, LostAnswerError) as error:
            # Was it taken in all the same, it arrives twice under one identifier: that is no harm, its loss is.
            failure = error
            continue
        if reply.status in _NO_ROOM_NOW:
            failure = CommandError(f"the daemon could not take it: {reply.reason}")
            continue
        if not reply.is_ok:
            bad_input = 400 <= reply.status < 500  # noqa: PLR2004 - HTTP's
            raise CommandError(f"the daemon refused: {reply.reason}", "", MISUSED if bad_input else 1)
        return identifier, "daemon"
    _leave(arguments, body, failure)
    return identifier, "incoming"


def _sockets(arguments: Namespace) -> Iterator[str]:
    """Yield where a daemon may listen; the configuration is only read when it has to be."""
    is_usual = arguments.config is None and not arguments.user and "STS_AGENT_CONFIG" not in os.environ
    if is_usual:
        yield DEFAULT_SOCKET
    from agent.cli.paths import places_anyway

    configured = str(places_anyway(arguments).socket)
    if not (is_usual and configured == DEFAULT_SOCKET):
        yield configured


def _leave(arguments: Namespace, body: bytes, failure: CommandError | None) -> None:
    from agent.cli.paths import places
    from agent.configuration.problem import ConfigurationError
    from collectors._event.shape import new_identifier
    from spool import SpoolError
    from spool.leaving import leave_in_incoming

    problem = failure.problem if failure else "no daemon answers"
    try:
        directory = places(arguments).spool_directory
    except ConfigurationError:  # what is wrong was told when the daemon's socket was looked for
        hint = "nothing was recorded: where to leave the event stands in agent.yaml"
        raise CommandError(problem, hint, MISUSED) from None
    try:
        # A name of its own, since a client may give two events one identifier on purpose.
        leave_in_incoming(directory, new_identifier(), body)
    except SpoolError as error:
        nearest = next(
            path for path in (directory / "incoming", directory, *directory.parents) if path.exists()
        )
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise NotAllowedError(directory) from None
        raise CommandError(problem, str(error)) from None
