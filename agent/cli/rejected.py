"""`sts-agent rejected`: what a destination refused for good, and what is to become of it."""

import json
from argparse import Namespace

import agent.cli.late_inspect
import agent.cli.late_platform  # noqa: F401 - both before what imports dataclasses and uuid
from agent.cli import DONE, FAILED, MISUSED, CommandError, Subparsers, complain
from agent.cli.daemon_client import ask
from agent.cli.paths import places_first, spool_to_read
from agent.cli.plain_argparse import ArgumentTypeError
from collectors._portable import printable
from spool.batch import MOST_ID, RejectedEntry
from spool.record import EVENT


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    rejected = subparsers.add_parser("rejected", description="What a destination refused for good, and why.")
    actions = rejected.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="show them, oldest first")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    show = actions.add_parser("show", help="show one whole")
    show.add_argument("id", type=_id, metavar="ID")
    show.add_argument("--json", action="store_true", help="as a JSON object")
    retry = actions.add_parser("retry", help="send again, to the destination that refused")
    retry.add_argument("ids", type=_id, nargs="*", metavar="ID")
    retry.add_argument("--all", action="store_true", help="all of them")
    discard = actions.add_parser("discard", help="let go of for good")
    discard.add_argument("ids", type=_id, nargs="+", metavar="ID")
    for parser in (retry, discard):
        parser.add_argument("--json", action="store_true", help="print the result as a JSON object")


def _id(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_ID)) else 0
    if not 1 <= number <= MOST_ID:
        raise ArgumentTypeError(f"{text!r} is no ID (a number, see `sts-agent rejected list`)")
    return number


def run(arguments: Namespace) -> int:
    """Do what is asked."""
    match arguments.action:
        case "list":
            return _list(arguments)
        case "show":
            return _show(arguments)
        case "retry":
            if arguments.all == bool(arguments.ids):
                problem = "IDs are named, and all of them" if arguments.all else "nothing to retry is named"
                raise CommandError(problem, "give IDs, or --all", MISUSED)
            return _act(arguments, "retry", "will be sent again")
        case _:
            return _act(arguments, "discard", "discarded")


def _list(arguments: Namespace) -> int:
    from spool import SpoolReader

    places, _ = places_first(arguments)
    with SpoolReader.open(spool_to_read(places)) as reader:
        entries = list(reader.rejected())
    if arguments.json:
        for entry in entries:
            print(json.dumps(_as_json(entry, whole=False)))
        return DONE
    if not entries:
        complain("nothing was rejected")
        return DONE
    from agent.cli.table import moment, print_table

    print_table(
        ("ID", "destination", "rejected", "event", "reason"),
        [
            (
                str(entry.id),
                entry.destination,
                moment(entry.rejected_at),
                _title(entry) + (" (being retried)" if entry.retrying else ""),
                entry.reason,
            )
            for entry in entries
        ],
    )
    return DONE


def _show(arguments: Namespace) -> int:
    from spool import SpoolReader

    places, _ = places_first(arguments)
    with SpoolReader.open(spool_to_read(places)) as reader:
        found = next((entry for entry in reader.rejected() if entry.id == arguments.id), None)
    if found is None:
        raise CommandError(f"no rejected event has the ID {arguments.id}", "see `sts-agent rejected list`")
    if arguments.json:
        print(json.dumps(_as_json(found, whole=True)))
        return DONE
    from agent.cli.table import moment

    status = f" ({found.status})" if found.status else ""
    print(
        f"{found.destination} refused it at {moment(found.rejected_at)}{status}:\n{printable(found.reason)}\n"
    )
    print(json.dumps({found.name: [json.loads(found.body)]}, indent=2, ensure_ascii=False))
    return DONE


def _act(arguments: Namespace, action: str, done: str) -> int:
    chosen = {"ids": arguments.ids} if arguments.ids else {"all": True}
    body = json.dumps(chosen).encode()
    places, _ = places_first(arguments)
    count = json.loads(ask(places.socket, "POST", f"/rejected/{action}", body).accepted())["count"]
    print(json.dumps({"count": count}) if arguments.json else f"{count} {done}")
    missing = len(set(arguments.ids)) - count
    if missing > 0:
        gone = ", or their destination is not configured" if action == "retry" else ""
        complain(f"{missing} of them {'is' if missing == 1 else 'are'} not there{gone}")
        return FAILED
    return DONE


def _as_json(entry: RejectedEntry, *, whole: bool) -> dict[str, object]:
    document: dict[str, object] = {
        "id": entry.id,
        "destination": entry.destination,
        "name": entry.name,
        "reason": entry.reason,
        "status": entry.status,
        "event_time": entry.event_time,
        "rejected_at": entry.rejected_at,
        "retrying": entry.retrying,
        "kind": entry.kind,
        "title": _title(entry),
    }
    if whole:
        document["event"] = json.loads(entry.body)
    return document


def _title(entry: RejectedEntry) -> str:
    """Return the title of an event, or of what is none the kind, as `stackstate/topologies`."""
    if entry.kind != EVENT:
        return entry.kind
    try:
        return str(json.loads(entry.body).get("msg_title", ""))
    except (ValueError, AttributeError):
        return "(not readable)"
