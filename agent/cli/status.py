"""`sts-agent status`: what the daemon is doing and what waits; from the spool's files when it is not there."""

from argparse import Namespace

from agent.cli import DONE, FAILED, CommandError, Subparsers, complain
from agent.cli.ask import NotAllowedError, NotAnsweringError, ask
from agent.cli.configured import configuration_or_places
from agent.configuration.types import Configuration
from agent.status import Document, action_needed, without_daemon


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    parser = subparsers.add_parser("status", description=__doc__)
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 when action is needed")
    parser.add_argument(
        "--acknowledge",
        action="store_true",
        help="take note of what was dropped so far (root and the service's user)",
    )


def run(arguments: Namespace) -> int:
    """Show it."""
    configured = configuration_or_places(arguments)
    if arguments.acknowledge:
        _acknowledge(configured)
    document = _read(configured)
    reasons = document.action_needed = action_needed(document)
    if arguments.json:
        import msgspec

        print(msgspec.json.encode(document).decode())
    else:
        _show(document)
        for reason in reasons:
            complain(f"action needed: {reason}")
    return FAILED if reasons and arguments.exit_code else DONE


def _acknowledge(configured: Configuration) -> None:
    reply = ask(configured.socket, "POST", "/drops/acknowledge")
    if not reply.is_ok:
        raise CommandError(f"the daemon refused: {reply.reason}")


def _read(configured: Configuration) -> Document:
    try:
        reply = ask(configured.socket, "GET", "/status")
    except NotAnsweringError:
        return _read_files(configured)
    except NotAllowedError as error:
        complain(str(error))
        return _read_files(configured)
    if not reply.is_ok:
        raise CommandError(f"the daemon refused: {reply.reason}")
    import msgspec

    return msgspec.json.decode(reply.body, type=Document)


def _read_files(configured: Configuration) -> Document:
    from spool import SpoolError, SpoolReader

    facts = {
        "socket": str(configured.socket),
        "configuration": [str(source) for source in configured.sources],
        "replaced": list(configured.replaced),
        "set_aside": {str(path): list(problems) for path, problems in configured.set_aside.items()},
    }
    try:
        with SpoolReader.open(configured.spool_directory) as reader:
            return without_daemon(configured.spool_directory, reader.status(), facts)
    except SpoolError as error:
        complain(str(error))
        return without_daemon(configured.spool_directory, None, facts)


def _show(document: Document) -> None:
    from agent.cli.table import moment, print_table, size

    if document.running:
        print(
            f"sts-agent {document.version} is running (pid {document.pid}) since {moment(document.started)}"
        )
        trusted = "" if document.clock_trusted else ", its clock is not synchronised"
        print(f"host: {document.hostname or 'no acceptable name: nothing is sent'}{trusted}")
    else:
        print("sts-agent is not running")
    for name, listener in document.listens.items():
        print(f"{name}: {listener.problem or 'listening'} at {listener.address}")
    for what, problems in (("replaced", document.replaced), ("reload refused", document.refused_reload)):
        for problem in problems:
            print(f"{what}: {problem}")
    for path in document.set_aside:
        print(f"set aside: {path}")
    if document.collectors:
        print()
        print_table(
            ("collector", "state", ""),
            [(name, found.state, found.detail) for name, found in document.collectors.items()],
        )
    if document.destinations:
        print()
        print_table(
            ("destination", "state", "last success", "last failure", "waiting", "oldest", "dropped"),
            [
                (
                    name,
                    " ".join(
                        filter(None, (found.state, f"until {moment(found.until)}" if found.until else ""))
                    ),
                    moment(found.last_success),
                    " ".join(
                        filter(None, (moment(found.last_failure), found.last_failure_reason or found.reason))
                    ),
                    f"{found.waiting_events} ({size(found.waiting_bytes)})",
                    moment(found.oldest_waiting),
                    ", ".join(f"{count} {reason}" for reason, count in found.dropped.items()) or "-",
                )
                for name, found in document.destinations.items()
            ],
        )
    if kept := document.spool:
        print(
            f"\nspool: {size(kept.size_bytes)} of {size(kept.max_size_bytes)} in {kept.directory}, "
            f"{kept.events} events since {moment(kept.oldest)}, {kept.rejected} rejected"
        )
