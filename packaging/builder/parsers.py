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


def subcommands(parser: ArgumentParser) -> Iterator[tuple[ArgumentParser, str]]:
    """Yield the parsers of a parser's commands, and of theirs, each with what it does in a few words."""
    for action in _choices(parser):
        summaries = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001 - as above
        for name, one in action.choices.items():
            yield one, summaries.get(name, "")
            yield from subcommands(one)


def _choices(parser: ArgumentParser) -> list["_SubParsersAction[ArgumentParser]"]:
    return [action for action in parser._actions if isinstance(action, _SubParsersAction)]  # noqa: SLF001
