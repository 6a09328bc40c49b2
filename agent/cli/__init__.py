"""The command line: one module a command, imported only when that command is asked for.

This is the one place that turns errors into exit statuses: 0 done, 1 it failed while running, 2 wrong
usage or configuration. Results go to stdout, messages to stderr. A command's module has
`add_parser(subparsers)` and `run(arguments) -> int`; what is heavy it imports inside `run`.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from agent.cli.plain_argparse import (
    SUPPRESS,
    Action,
    ArgumentParser,
    ArgumentTypeError,
    HelpFormatter,
    Namespace,
    _SubParsersAction,
)

if TYPE_CHECKING:  # half of what a quick command takes is what it imports
    from pathlib import Path

COMMANDS = {
    "run": "the daemon, in the foreground",
    "check": "validate the configuration, every problem at once",
    "doctor": "try what the daemon will need on this host",
    "status": "what the daemon is doing, and what waits",
    "log": "this host's history, delivered or not",
    "report": "one page of this host's history, for a ticket",
    "plan": "say that work on this host is planned, and until when",
    "event": "record an event by hand",
    "rejected": "what a destination refused for good",
    "receiver": "a strict stand-in for a remote system, to try a configuration against",
    "demo": "see it work: a receiver and an agent in a temporary directory",
    "help": "show how a command is used",
    "version": "show the version",
}

DONE, FAILED, MISUSED = 0, 1, 2
INTERRUPTED = 130  # as a shell says it of SIGINT
BEST_EFFORT = "--best-effort"
"""The word of `event send` that makes any failure a warning, one of the other words too."""


class CommandError(Exception):
    """What a command has to tell its user instead of a result, and the status it exits with."""

    def __init__(self, problem: str, hint: str = "", status: int = FAILED) -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint
        self.status = status


class _Help(HelpFormatter):
    """As wide as the terminal; without a width argparse asks another library, for each option, which also unpacks archives."""

    def __init__(self, prog: str) -> None:
        from agent.cli.terminal import columns

        super().__init__(prog, width=(columns() or 80) - 2)


class Parser(ArgumentParser):
    """A parser that takes the global options before and after a command's name."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**{"allow_abbrev": False, "formatter_class": _Help, **keywords})
        shared = self.add_argument_group("global options")
        shared.add_argument(
            "--config", metavar="FILE", type=file_name, default=SUPPRESS, help="the configuration to use"
        )
        shared.add_argument(
            "--user", action="store_true", default=SUPPRESS, help="a desktop's own agent: paths of this user"
        )
        shared.add_argument("--version", action=_Version, nargs=0, help="show the version and end")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; what this command does not know is told as its own, and before what is missing for that."""
        unknown = [] if self._subparsers or args is None else self._unknown_options(args)
        if not unknown:
            found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._meant(unknown[0])}")
        return found, unknown

    def _unknown_options(self, words: Sequence[str]) -> list[str]:
        options = [*words, "--"][: [*words, "--"].index("--")]
        return [
            word
            for word in options
            if word.startswith("--")
            and " " not in word
            and word.partition("=")[0] not in self._option_string_actions
        ]

    def _meant(self, word: str) -> str:
        import difflib

        near = difflib.get_close_matches(word.partition("=")[0], self._option_string_actions, 1)
        return f"; did you mean {near[0]}?" if near else ""

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the words."""
        from collectors._portable import printable

        super().error(printable(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write it: argparse lets go of what cannot be written, and a full disk has to be told."""
        (file or sys.stderr).write(message)


def file_name(text: str) -> "Path":
    """Return it as a path; nothing, as of a variable that is not set, is not the directory that one is in."""
    if not text:
        raise ArgumentTypeError("the name of the file is empty")
    from pathlib import Path

    return Path(text)


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

    words = [_as_typed(word) for word in sys.argv[1:]] if argv is None else list(argv)
    name = asked_for(words)
    with printable_streams():
        status = conclude(_run, Namespace(words=words, names=[name]))
        if status in (FAILED, MISUSED) and name == "event" and BEST_EFFORT in words:
            complain("warning: the event was not recorded, or not shown; --best-effort lets that pass")
            return DONE
        return status


def _as_typed(word: str) -> str:
    """Return a word of the command line as UTF-8, which it is whatever locale Python has read it by."""
    if word.isascii():
        return word
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        return word


def make_parser(names: Iterable[str] = COMMANDS, *, others: bool = True) -> Parser:
    """Return the parser, with all words of the commands that are named, and of the others their names, if these are wanted."""
    parser = Parser(
        prog="sts-agent",
        description="Knows what happened on this host, keeps it, and forwards it to StackState.",
    )
    parser.set_defaults(config=None, user=False)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    wanted = set(names)
    for command, summary in COMMANDS.items():
        if command in wanted:
            import_module(f"agent.cli.{command}").add_parser(subparsers)
        elif others:
            subparsers.add_parser(command, help=summary)
    return parser


def _run(asked: Namespace) -> int:
    # Who asks for help, or for a command that there is not, is told of all; making their parsers takes a tenth of a quick command.
    others = not set(asked.names) <= COMMANDS.keys() or not {"-h", "--help"}.isdisjoint(asked.words)
    arguments = make_parser(asked.names, others=others).parse_args(asked.words)
    return int(import_module(f"agent.cli.{arguments.command}").run(arguments))


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
    from agent.cli.terminal import LostOutputError, give_up_output

    try:
        status = _status_of(run, arguments)
        sys.stdout.flush()
    except CommandError as error:
        complain(str(error))
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except (LostOutputError, BrokenPipeError) as error:
        give_up_output()
        if getattr(error, "reader_is_gone", True):
            return DONE
        complain(str(error))
        return FAILED
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return FAILED
    except Exception as error:
        if not hasattr(error, "hint"):
            raise
        return tell(error)
    return status


def _status_of(run: Any, arguments: Namespace) -> int:
    try:
        return int(run(arguments))
    except SystemExit as end:  # the parser has said what was to be said
        return int(end.code or DONE)


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
