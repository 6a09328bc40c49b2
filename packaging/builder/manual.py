"""The manual pages: sts-agent(1) from the parsers of the commands, sts-agent.yaml(5) from the types of the configuration.

Packages bring them; `packaging/install` has them written by the agent that it installs: `manual.py DIRECTORY`. So this needs
nothing but the agent.
"""

import re
import sys
import time
from argparse import SUPPRESS, ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from parsers import subcommands, whole_parser

from agent import __version__
from agent.configuration.reference import Key, keys

_FILES = {
    "/etc/sts-agent/agent.yaml": r"How the agent works: \fBsts\-agent.yaml\fR(5).",
    "/etc/sts-agent/conf.d/*.yaml": "What it watches, one file for one application.",
    "/var/lib/sts-agent": "The spool: events, delivered or not, and what was remembered of this host.",
    "/run/sts-agent/intake.sock": "Where local programs hand in events; for root and the group sts\\-agent.",
    "/usr/share/doc/sts-agent": "All other documents, and examples.",
}
_STATUSES = {"0": "Done.", "1": "It failed while running.", "2": "Wrong usage or configuration."}
_FORMATS = """\
agent.yaml says how the agent works, and each file in conf.d what it watches for one application.
.PP
Scalars are read as YAML 1.2: `off` and `yes` are text, `012` is twelve. Durations are written `250ms`, `30s`, `5m`,
`12h`, `7d`, sizes `900KiB`, `512MiB`, `1GiB`; only `0` needs no unit. A relative path is meant from the directory of
its file. Unknown and duplicate keys, keys without a value, and empty lists are errors.
.PP
`sts-agent check` tells every problem at once, with file and line; `sts-agent check --show` prints what counts in the end."""


def pages(version: str, epoch: int) -> dict[str, str]:
    """Return the text of each page by its file's name; `epoch` is the day on it."""
    date = time.strftime("%Y-%m-%d", time.gmtime(epoch))
    return {"sts-agent.1": _of_commands(version, date), "sts-agent.yaml.5": _of_configuration(version, date)}


def _of_commands(version: str, date: str) -> str:
    parser = whole_parser()
    lines = [
        f'.TH "STS\\-AGENT" "1" "{date}" "sts\\-agent {version}" "sts\\-agent"',
        ".SH NAME",
        r"sts\-agent \- record what happens on this host, and forward it",
        ".SH SYNOPSIS",
        _usage(parser),
        ".SH DESCRIPTION",
        _text(parser.description or ""),
        ".SH OPTIONS",
        "Before or after the command:",
        *_options(parser),
        ".SH COMMANDS",
    ]
    for command, summary in subcommands(parser):
        _hide_global_options(command)
        lines += [rf".SS \fB{_literal(command.prog)}\fR", *_of_command(command, summary)]
    for heading, said in {"EXIT STATUS": _STATUSES, "FILES": _FILES}.items():
        lines += [f".SH {heading}"]
        for key, meaning in said.items():
            lines += [".TP", rf"\fB{_literal(key)}\fR", meaning]
    return "\n".join(
        [
            *lines,
            ".SH SEE ALSO",
            r"\fBsts\-agent.yaml\fR(5), \fBsystemctl\fR(1), /usr/share/doc/sts\-agent",
            "",
        ]
    )


def _of_command(command: ArgumentParser, summary: str) -> Iterator[str]:
    yield _text(f"{command.description or summary}")
    yield ".PP"
    yield _usage(command)
    yield from _options(command)


def _usage(parser: ArgumentParser) -> str:
    program, _, words = " ".join(parser.format_usage().split()).removeprefix("usage: ").partition(parser.prog)
    return rf"{program}\fB{_literal(parser.prog)}\fR{_literal(words)}"


def _options(parser: ArgumentParser) -> Iterator[str]:
    """Yield what stands of each word and option."""
    formatter = parser._get_formatter()  # noqa: SLF001 - argparse has no other way to it
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, _SubParsersAction) or action.help in {None, SUPPRESS}:
            continue
        invocation = _literal(formatter._format_action_invocation(action))  # noqa: SLF001
        yield from (".TP", rf"\fB{invocation}\fR", _text(formatter._expand_help(action)))  # noqa: SLF001


def _hide_global_options(command: ArgumentParser) -> None:
    """They stand once, for the program; each command takes them, too, and `--help`."""
    groups = [group for group in command._action_groups if group.title == "global options"]  # noqa: SLF001
    shared = [action for group in groups for action in group._group_actions]  # noqa: SLF001
    for action in (*shared, *(one for one in command._actions if one.dest == "help")):  # noqa: SLF001
        action.help = SUPPRESS


def _of_configuration(version: str, date: str) -> str:
    lines = [
        f'.TH "STS\\-AGENT.YAML" "5" "{date}" "sts\\-agent {version}" "sts\\-agent"',
        ".SH NAME",
        r"sts\-agent.yaml \- the configuration of sts\-agent: agent.yaml and conf.d",
        ".SH SYNOPSIS",
        "/etc/sts\\-agent/agent.yaml\n.br\n/etc/sts\\-agent/conf.d/*.yaml",
        ".SH DESCRIPTION",
        "\n.PP\n".join(map(_text, _FORMATS.split("\n.PP\n"))),
    ]
    for file, of_file in groupby(keys(), key=lambda key: key.file):
        lines += [f".SH KEYS OF {_literal(file.upper())}"]
        for key in of_file:
            lines += _of_key(key)
    return "\n".join(
        [*lines, ".SH SEE ALSO", r"\fBsts\-agent\fR(1), /usr/share/doc/sts\-agent/docs/configuration.md", ""]
    )


def _of_key(key: Key) -> list[str]:
    systems = f"Of type {' or '.join(key.systems)}. " if key.systems else ""
    default = "Required." if key.default == "required" else f"Default: {key.default}."
    said = _text(f"{systems}{key.description}")
    return [".TP", rf"\fB{_literal(key.path)}\fR", said, ".br", _text(f"Takes {key.type}. {default}")]


def _text(markdown: str) -> str:
    """Return a paragraph of Markdown as roff has it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"`([^`]*)`", r"\\fB\1\\fR", _literal(plain))


def _literal(text: str) -> str:
    """Return text that roff takes letter for letter."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti").replace("^", r"\(ha")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def main() -> None:
    """Write both pages below a directory, as `man` looks for them."""
    for file, text in pages(__version__, int(time.time())).items():
        path = Path(sys.argv[1]) / f"man{file[-1]}" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
