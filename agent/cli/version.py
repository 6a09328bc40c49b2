"""`sts-agent version`: which version this is."""

import json
from argparse import Namespace

from agent import __version__
from agent.cli import COMMANDS, DONE, Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    parser = subparsers.add_parser("version", help=COMMANDS["version"], description=COMMANDS["version"])
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def run(arguments: Namespace) -> int:
    """Show it."""
    print(json.dumps({"version": __version__}) if arguments.json else f"sts-agent {__version__}")
    return DONE
