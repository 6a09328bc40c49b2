"""`sts-agent help [COMMAND…]`: the same as `sts-agent COMMAND… --help`."""

from argparse import Namespace

from agent.cli import COMMANDS, Subparsers, main


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    parser = subparsers.add_parser("help", help=COMMANDS["help"], description=COMMANDS["help"])
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="as `log`, or `event send`")


def run(arguments: Namespace) -> int:
    """Show the help of the command that is named, or of the program."""
    return main([*arguments.words, "--help"])
