"""`sts-agent plan`: say that work on this host is planned; what happens meanwhile carries the tag `planned:NAME`.

Nothing is held back. A plan survives restarts, ends by itself, and needs the daemon's socket: root, or the group.
"""

import json
from argparse import Namespace
from typing import Any

from agent.cli import COMMANDS, DONE, MISUSED, CommandError, Subparsers, complain
from agent.cli.daemon_client import ask
from agent.cli.paths import places_anyway
from agent.cli.time_argument import parse_span


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    plan = subparsers.add_parser("plan", help=COMMANDS["plan"], description=__doc__)
    actions = plan.add_subparsers(dest="action", metavar="ACTION", required=True)
    start = actions.add_parser("start", help="begin, or go on with, planned work")
    start.add_argument("name", metavar="NAME", help="letters, digits, dots, dashes, underscores")
    start.add_argument("--for", dest="span", default="1h", metavar="D", help="until so long from now (1h)")
    start.add_argument("--text", default="", metavar="T", help="what it is; failures meanwhile say it")
    stop = actions.add_parser("stop", help="end one, or all")
    stop.add_argument("name", nargs="?", metavar="NAME")
    listing = actions.add_parser("list", help="show what is under way")
    for parser in (start, stop, listing):
        parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace) -> int:
    """Do what is asked."""
    from agent.events.plans import NAME

    name = getattr(arguments, "name", None)
    if name is not None and not NAME.fullmatch(name):
        raise CommandError(
            f"{name!r} is no name for planned work",
            "1 to 64 letters, digits, dots, dashes or underscores",
            MISUSED,
        )
    match arguments.action:
        case "start":
            wanted = {"name": name, "seconds": parse_span(arguments.span), "text": arguments.text}
            plan = _ask(arguments, "POST", "/plan/start", wanted)
            _show(arguments, plan, f"{plan['name']} is planned until {_clock(plan['until'])}")
        case "stop":
            ended = _ask(arguments, "POST", "/plan/stop", {"name": name})
            _show(arguments, ended, _ended(ended["count"]))
        case _:
            _list(arguments, _ask(arguments, "GET", "/plan/list"))
    return DONE


def _list(arguments: Namespace, plans: Any) -> None:
    if arguments.json:
        print(json.dumps(plans))
        return
    if not plans:
        complain("nothing is planned")
    for plan in plans:
        print(f"{plan['name']}  until {_clock(plan['until'])}  {plan['text']}".rstrip())


def _ask(arguments: Namespace, method: str, target: str, wanted: Any = None) -> Any:
    body = b"" if wanted is None else json.dumps(wanted).encode()
    reply = ask(places_anyway(arguments).socket, method, target, body)
    if reply.status == 400:  # noqa: PLR2004 - HTTP's
        raise CommandError(reply.reason, status=MISUSED)
    if not reply.is_ok:
        raise CommandError(reply.reason)
    return json.loads(reply.body)


def _show(arguments: Namespace, result: Any, sentence: str) -> None:
    print(json.dumps(result) if arguments.json else sentence)


def _ended(count: int) -> str:
    return "1 planned work is over" if count == 1 else f"{count} planned works are over"


def _clock(seconds: float) -> str:
    from agent.cli.table import moment

    return moment(seconds)
