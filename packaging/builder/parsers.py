"""The parsers of the commands, whole: pages and completions are made of them."""

from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator

from agent.cli import COMMANDS, make_parser


def whole_parser() -> ArgumentParser:
    """Return the parser with the words of every command, each with its summary."""
    parser = make_parser()
    for action in _choices(parser):
        told = {one.dest for one in action._choices_actions}  # noqa: SLF001 - argparse shows it nowhere else
        for name in [name for name in COMMANDS if name not in told]:
            summary = action._ChoicesPseudoAction(name, (), COMMANDS[name])  # noqa: SLF001
            action._choices_actions.append(summary)  # noqa: SLF001
    return parser


def subcommands(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    """Yield the parsers of a parser's commands, and of theirs."""
    for action in _choices(parser):
        for one in action.choices.values():
            yield one
            yield from subcommands(one)


def _choices(parser: ArgumentParser) -> list["_SubParsersAction[ArgumentParser]"]:
    return [action for action in parser._actions if isinstance(action, _SubParsersAction)]  # noqa: SLF001
