"""`sts-agent check`: every problem of the configuration at once, or the configuration that counts."""

import json
import sys
from argparse import Namespace

from agent.cli import COMMANDS, DONE, MISUSED, Subparsers, complain


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's options."""
    parser = subparsers.add_parser("check", help=COMMANDS["check"], description=COMMANDS["check"])
    parser.add_argument(
        "--show", action="store_true", help="print the effective configuration, secrets masked"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(arguments: Namespace) -> int:
    """Load everything strictly; problems go to stderr as `FILE:LINE: key: problem`."""
    from agent.configuration.load import load_whole
    from agent.configuration.problem import ConfigurationError
    from agent.configuration.show import as_yaml, effective
    from agent.doctor import capability, doubts, privacy
    from agent.events.hostname import discover

    try:
        loaded = load_whole(arguments.config, user=arguments.user)
    except ConfigurationError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        if arguments.json:
            problems = [problem._asdict() for problem in error.problems]
            print(json.dumps({"ok": False, "problems": problems, "warnings": []}))
        return MISUSED
    configuration = loaded.configuration
    warnings = [
        *configuration.warnings,
        *doubts.doubts(configuration),
        *privacy.doubts(loaded),
        *capability.doubts(configuration.collectors),
    ]
    for warning in warnings:
        complain(f"warning: {warning}")
    shown = effective(configuration, discover(configuration.settings.hostname)) if arguments.show else {}
    if arguments.json:
        sources = [str(source) for source in configuration.sources]
        told = {"ok": True, "problems": [], "warnings": warnings, "sources": sources}
        print(json.dumps(told | ({"effective": shown} if shown else {})))
    elif shown:
        print(as_yaml(shown), end="")
    else:
        print(
            "\n".join(f"{source}: ok" for source in configuration.sources) or "no file: the defaults are ok"
        )
    return DONE
