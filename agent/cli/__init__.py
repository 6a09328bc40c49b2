"""The command line: one module a command, imported only when that command is asked for.

This is the one place that turns errors into exit statuses: 0 done, 1 it failed while running, 2 wrong
usage or configuration. Results go to stdout, messages to stderr. A command's module has
`add_parser(subparsers)` and `run(arguments) -> int`; what is heavy it imports inside `run`.
"""

import os
import sys
from argparse import SUPPRESS, Action, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

COMMANDS = {
    "run": "the daemon, in the foreground",
    "check": "validate the configuration, every problem at once",
    "doctor": "try what the daemon will need on this host",
    "status": "what the daemon is doing, and what waits",
    "log": "this host's history, delivered or not",
    "event": "record an event by hand",
    "rejected": "what a destination refused for good",
    "receiver": "a strict stand-in for a remote system, to try a configuration against",
    "demo": "see it work: a receiver and an agent in a temporary directory",
}

DONE, FAILED, MISUSED = 0, 1, 2
INTERRUPTED = 130  # as a shell says it of SIGINT


class CommandError(Exception):
    """What a command has to tell its user instead of a result, and the status it exits with."""

    def __init__(self, problem: str, hint: str = "", status: int = FAILED) -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint
        self.status = status


class Parser(ArgumentParser):
    """A parser that takes the global options before and after a command's name."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **keywords})
        shared = self.add_argument_group("global options")
        shared.add_argument(
            "--config", metavar="FILE", type=Path, default=SUPPRESS, help="the configuration to use"
        )
        shared.add_argument(
            "--user", action="store_true", default=SUPPRESS, help="a desktop's own agent: paths of this user"
        )
        shared.add_argument("--version", action=_Version, nargs=0, help="show the version and end")


Subparsers: TypeAlias = "_SubParsersAction[Any]"  # argparse has no public name for it


class _Version(Action):
    def __init__(self, **keywords: Any) -> None:
        super().__init__(**{**keywords, "dest": SUPPRESS, "default": SUPPRESS})

    def __call__(self, parser: ArgumentParser, *_: object) -> NoReturn:
        from agent import __version__

        print(f"sts-agent {__version__}")
        parser.exit(DONE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    from agent.cli.terminal import printable_streams

    words = list(sys.argv[1:] if argv is None else argv)
    name = asked_for(words)
    module = import_module(f"agent.cli.{name}") if name in COMMANDS else None
    parser = Parser(
        prog="sts-agent",
        description="Knows what happened on this host, keeps it, and forwards it to StackState.",
    )
    parser.set_defaults(config=None, user=False)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command, summary in COMMANDS.items():
        if module is not None and command == name:
            module.add_parser(subparsers)
        else:
            subparsers.add_parser(command, help=summary)
    with printable_streams():
        arguments = parser.parse_args(words)
    if module is None:
        raise AssertionError(arguments)  # a known command was asked for, or the parser has ended us
    with printable_streams():
        return conclude(module.run, arguments)


def asked_for(words: Sequence[str]) -> str:
    """Return the first word that is no global option nor its value; empty where there is none."""
    rest = iter(words)
    for word in rest:
        if word == "--config":
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return ""


def conclude(run: Any, arguments: Namespace) -> int:
    """Call `run`, tell a user's mistake without a traceback, and return the exit status."""
    try:
        status = int(run(arguments))
        sys.stdout.flush()
    except CommandError as error:
        complain(str(error))
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough; without this the interpreter complains when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return FAILED
    except Exception as error:
        if not hasattr(error, "hint"):
            raise
        return tell(error)
    return status


def complain(message: str) -> None:
    """Say `message` on stderr, in the program's name."""
    print(f"sts-agent: {message}", file=sys.stderr)


def tell(error: Exception) -> int:
    """Say an error that was made for people; one of the configuration has a line for each problem."""
    from collectors._portable import printable

    problems = getattr(error, "problems", ())
    for problem in problems:
        print(printable(str(problem)), file=sys.stderr)
    if not problems:
        complain(str(error))
    return MISUSED if problems else FAILED
