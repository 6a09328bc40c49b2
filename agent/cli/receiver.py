"""`sts-agent receiver`: a strict stand-in for a remote system, to try a configuration against.

It prints each event as it arrives and, at the end, which event broke which rule. It is for trying
out: it keeps what it received in memory, and in `--record` when asked.
"""

import argparse
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from agent.cli import COMMANDS, file_name
from agent.cli.terminal import OtherThreads, is_reader_gone
from collectors._portable import printable

_ENDS = {signal.SIGINT, signal.SIGTERM}
_LOOK_AGAIN_SECONDS = 0.5

if TYPE_CHECKING:  # the server is only loaded by the command that serves
    from agent.stand_in import Received


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("receiver", help=COMMANDS["receiver"])
    add_system(parser)
    parser.add_argument(
        "--listen", default="127.0.0.1:7077", metavar="ADDRESS", help="host:port (%(default)s)"
    )
    parser.add_argument("--api-key", metavar="KEY", help="the one right key (default: any, but not none)")
    parser.add_argument(
        "--record", type=file_name, metavar="FILE.jsonl", help="append each event as a line of JSON"
    )
    parser.add_argument("--json", action="store_true", help="print events and the report as lines of JSON")


def add_system(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses a system of the table."""
    from agent.systems.registry import DEFAULT_TYPE, SYSTEMS

    parser.add_argument(
        "--system", choices=[*SYSTEMS], default=DEFAULT_TYPE, help="which one (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then print the report."""
    from agent.systems.registry import stand_in

    host, _, port = arguments.listen.rpartition(":")
    if not port.isdecimal():
        print(f"sts-agent receiver: --listen {arguments.listen}: write it as host:port", file=sys.stderr)
        return 2

    def show(one: "Received") -> None:
        if arguments.json:
            print(json.dumps({"name": one.name, "hostname": one.hostname, "event": one.event}), flush=True)
        else:
            print(_line(one), flush=True)

    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    threads = OtherThreads(lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        receiver = stand_in(
            arguments.system,
            host.strip("[]") or "127.0.0.1",
            int(port),
            credential=arguments.api_key,
            record=arguments.record,
            on_event=threads.guarded(show),
            on_refusal=lambda text: print(printable(f"refused: {text}"), file=sys.stderr, flush=True),
        ).start()
    except KeyError:
        print(f"sts-agent receiver: there is no stand-in for {arguments.system} yet", file=sys.stderr)
        return 2
    except (OSError, OverflowError) as error:
        print(printable(f"sts-agent receiver: {_what_fails(arguments, error)}"), file=sys.stderr)
        return 1
    print(f"listening; configure it as url: {receiver.url}", file=sys.stderr, flush=True)
    try:
        while signal.sigtimedwait(_ENDS, _LOOK_AGAIN_SECONDS) is None and not is_reader_gone():
            pass
    finally:
        receiver.close()
    threads.check()
    report = receiver.report
    said = [json.dumps({"report": report.to_json()})] if arguments.json else map(printable, report.lines())
    print(*said, sep="\n")
    return 0


def _what_fails(arguments: argparse.Namespace, error: OSError | OverflowError) -> str:
    """Return what cannot be used, the file or the address, and why."""
    if isinstance(error, OSError) and error.filename:
        return f"--record {arguments.record}: {error.strerror}"
    return f"{arguments.listen}: {error}"


def _line(one: "Received") -> str:
    moment = time.strftime("%H:%M:%S", time.localtime(one.arrived))
    flaws = [printable(f"         broke: {problem.where}: {problem.rule}") for problem in one.problems]
    return "\n".join(
        [printable(f"{moment} {one.hostname} {one.event_type or one.name}: {one.title}"), *flaws]
    )
