"""`sts-agent receiver`: a strict stand-in for the StackState receiver, to try a configuration against.

It prints each event as it arrives and, at the end, which event broke which rule. It is for trying
out: it keeps what it received in memory, and in `--record` when asked.
"""

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the server is only loaded by the command that serves
    from agent.receiver import Received


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("receiver", help="a strict stand-in for the StackState receiver")
    parser.add_argument(
        "--listen", default="127.0.0.1:7077", metavar="ADDRESS", help="host:port (%(default)s)"
    )
    parser.add_argument("--api-key", metavar="KEY", help="the one right key (default: any, but not none)")
    parser.add_argument(
        "--record", type=Path, metavar="FILE.jsonl", help="append each event as a line of JSON"
    )
    parser.add_argument("--json", action="store_true", help="print events and the report as lines of JSON")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then print the report."""
    from agent.receiver import Receiver

    host, _, port = arguments.listen.rpartition(":")
    if not port.isdecimal():
        print(f"sts-agent receiver: --listen {arguments.listen}: write it as host:port", file=sys.stderr)
        return 2

    def show(one: "Received") -> None:
        if arguments.json:
            print(json.dumps({"name": one.name, "hostname": one.hostname, "event": one.event}), flush=True)
        else:
            print(_line(one), flush=True)

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        receiver = Receiver(
            host.strip("[]") or "127.0.0.1",
            int(port),
            api_key=arguments.api_key,
            record=arguments.record,
            on_event=show,
            on_refusal=lambda text: print(f"refused: {text}", file=sys.stderr, flush=True),
        ).start()
    except (OSError, OverflowError) as error:
        print(f"sts-agent receiver: {arguments.listen}: {error}", file=sys.stderr)
        return 1
    print(f"listening; configure it as url: {receiver.url}", file=sys.stderr, flush=True)
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        receiver.close()
    if arguments.json:
        print(json.dumps({"report": receiver.report.to_json()}))
    else:
        print("\n".join(receiver.report.lines()))
    return 0


def _line(one: "Received") -> str:
    moment = time.strftime("%H:%M:%S", time.localtime(one.arrived))
    event_type = one.event.get("event_type", one.name)
    flaws = "".join(f"\n         broke: {problem.where}: {problem.rule}" for problem in one.problems)
    return f"{moment} {one.hostname} {event_type}: {one.event.get('msg_title', '')}{flaws}"
