"""`sts-agent status`: what the daemon is doing and what waits; from the spool's files when it does not answer.

It says "not running" only when that is known: a daemon that does not answer in time, or that this user may not
ask, may run all the same.
"""

from argparse import Namespace
from pathlib import Path

from agent.cli import DONE, FAILED, CommandError, Subparsers, complain
from agent.cli.daemon_client import LostAnswerError, NotAllowedError, NotAnsweringError, ask
from agent.cli.paths import configuration_or_places
from agent.configuration.types import Configuration
from agent.runtime.status import Document, action_needed, without_daemon
from collectors._portable import printable

_AT_MOST_SECONDS = 3.0


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
        reply = ask(configured.socket, "GET", "/status", timeout_seconds=_AT_MOST_SECONDS)
    except (NotAnsweringError, NotAllowedError, LostAnswerError) as error:
        return _read_files(configured, error)
    if not reply.is_ok:
        raise CommandError(f"the daemon refused: {reply.reason}")
    import msgspec

    return msgspec.json.decode(reply.body, type=Document)


def _is_running(directory: Path, error: CommandError) -> bool | None:
    """Return whether a daemon runs that was not heard, None where that cannot be told."""
    from spool.lock import is_held

    held = is_held(directory)
    if isinstance(error, LostAnswerError):
        return True if held else None  # something does listen there
    return held


def _read_files(configured: Configuration, error: CommandError) -> Document:
    from spool import SpoolError, SpoolReader

    facts = {
        "socket": str(configured.socket),
        "configuration": [str(source) for source in configured.sources],
        "replaced": list(configured.replaced),
        "set_aside": {str(path): list(problems) for path, problems in configured.set_aside.items()},
    }
    directory = configured.spool_directory
    running = _is_running(directory, error)
    no_answer = "" if running is False else str(error)
    try:
        with SpoolReader.open(directory) as reader:
            return without_daemon(directory, reader.status(), facts, running=running, no_answer=no_answer)
    except SpoolError as unreadable:
        complain(str(unreadable))
        return without_daemon(directory, None, facts, running=running, no_answer=no_answer)


def _show(document: Document) -> None:
    from agent.cli.table import moment, print_table, size

    if document.no_answer:
        print("sts-agent is running" if document.running else "whether sts-agent is running cannot be told")
        print(printable(f"not heard: {document.no_answer}"))
    elif document.running:
        print(
            f"sts-agent {document.version} is running (pid {document.pid}) since {moment(document.started)}"
        )
        trusted = "" if document.clock_trusted else ", its clock is not synchronised"
        print(printable(f"host: {document.hostname or 'no acceptable name: nothing is sent'}{trusted}"))
    else:
        print("sts-agent is not running")
    for name, listener in document.listens.items():
        print(printable(f"{name}: {listener.problem or 'listening'} at {listener.address}"))
    for what, problems in (("replaced", document.replaced), ("reload refused", document.refused_reload)):
        for problem in problems:
            print(printable(f"{what}: {problem}"))
    for path in document.set_aside:
        print(printable(f"set aside: {path}"))
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
            f"{kept.events} events since {moment(kept.oldest)}, {kept.rejected} rejected, "
            f"{kept.refused_files} files in incoming-refused"
        )
