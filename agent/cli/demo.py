"""`sts-agent demo`: see the main job done, on this machine, in a few seconds; it leaves nothing behind."""

import _thread
import signal
import sys
from argparse import ArgumentTypeError, Namespace

from agent.cli import COMMANDS, DONE, Subparsers
from agent.cli.receiver import add_system
from agent.cli.terminal import OtherThreads

_LONGEST_SECONDS = 3600


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    parser = subparsers.add_parser("demo", help=COMMANDS["demo"], description=__doc__)
    parser.add_argument(
        "--seconds", type=_seconds, default=20, metavar="N", help="about how long it takes (default: 20)"
    )
    add_system(parser)
    parser.add_argument("--json", action="store_true", help="each event that arrives as a line of JSON")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _LONGEST_SECONDS:  # nan is neither
        raise ArgumentTypeError(f"{text!r} is no number of seconds from 0 to {_LONGEST_SECONDS}")
    return seconds


def run(arguments: Namespace) -> int:
    """Play it."""
    from agent.demo.environment import DemoEnvironment
    from agent.demo.scenario import Scenario, next_steps
    from agent.demo.screen import Screen
    from agent.stand_in import Received

    screen = Screen(sys.stderr if arguments.json else sys.stdout)
    story = Scenario(screen, arguments.seconds)

    def arrived(received: Received) -> None:
        if arguments.json:
            import json

            print(json.dumps(received.event), flush=True)
        else:
            story.arrived(received)

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the end of the demo ends the agent as well
    screen.title("sts-agent: this host's changes, on their way to a receiver")
    threads = OtherThreads(_thread.interrupt_main)
    try:
        with DemoEnvironment(threads.guarded(arrived), arguments.system) as stage:
            story.play(stage)
    except KeyboardInterrupt:
        threads.check()
        raise
    screen.title("Everything is stopped and removed.")
    screen.title(next_steps(arguments.system))
    return DONE
