"""`sts-agent check`: every problem of the configuration at once, or the configuration that counts.

It needs neither a daemon nor systemd nor rights of its own, so that a build job can run it.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent.cli import COMMANDS, DONE, MISUSED, CommandError, Subparsers, complain, file_name

if TYPE_CHECKING:
    from agent.configuration.load import Loaded
    from agent.configuration.problem import Problem
    from agent.configuration.types import Scoped


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's options."""
    parser = subparsers.add_parser("check", help=COMMANDS["check"], description=COMMANDS["check"])
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        type=file_name,
        help="one file of conf.d, checked by itself; without any, the whole configuration is checked",
    )
    parser.add_argument(
        "--show", action="store_true", help="print the effective configuration, secrets masked"
    )
    parser.add_argument(
        "--no-keys",
        action="store_true",
        help="leave out what only the host has, as keys, certificates and services: for a build job",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the problems as a JSON list, or with --show what counts"
    )
    parser.add_argument(
        "--schema",
        choices=("agent", "conf.d"),
        help="print the JSON Schema of agent.yaml or of a file of conf.d, and check nothing",
    )


def run(arguments: Namespace) -> int:
    """Load everything strictly; problems go to stderr as `FILE:LINE: key: problem`."""
    if arguments.schema:
        from agent.configuration.schema import schema

        print(json.dumps(schema(arguments.schema), indent=2, ensure_ascii=False))
        return DONE
    if arguments.files and arguments.show:
        raise CommandError(
            "--show shows the whole configuration", "leave out FILE, or --show", status=MISUSED
        )
    return _check_files(arguments) if arguments.files else _check_whole(arguments)


def _check_files(arguments: Namespace) -> int:
    """Check files of conf.d, each by itself."""
    from agent.configuration.applications import load_application
    from agent.configuration.problem import ConfigurationError, Problem
    from agent.doctor.doubts import doubts
    from agent.doctor.watched import missing
    from collectors._portable import printable

    problems: list[Problem] = []
    right = []
    for file in arguments.files:
        named = printable(str(file))
        if file.name == "agent.yaml":
            raise CommandError(
                f"{named} is no file of conf.d", f"use `sts-agent check --config {named}`", status=MISUSED
            )
        if file.is_dir():
            raise CommandError(f"{named} is a directory", f"name its files: {named}/*.yaml", status=MISUSED)
        if file.suffix != ".yaml":
            complain(f"warning: {named}: is not read in conf.d: its name does not end in .yaml")
        try:
            entries = load_application(file, keys=not arguments.no_keys)
        except ConfigurationError as error:
            problems += error.problems
            continue
        right.append(named)
        if not arguments.no_keys:
            _warn(f"{named}: {doubt}" for doubt in doubts(entries))
            _note(f"{named}: {remark}" for remark in missing(_paths(entries)))
    if not problems and not arguments.json:
        print("\n".join(f"{file}: ok" for file in right))
    return _conclude(problems, arguments)


def _check_whole(arguments: Namespace) -> int:
    from agent.configuration.load import load_whole
    from agent.configuration.problem import ConfigurationError
    from agent.configuration.show import as_yaml
    from agent.doctor.watched import missing

    try:
        loaded = load_whole(arguments.config, user=arguments.user, keys=not arguments.no_keys)
    except ConfigurationError as error:
        return _conclude(error.problems, arguments)
    _warn(loaded.configuration.warnings)
    if not arguments.no_keys:
        _warn(_doubts_on_this_host(loaded))
        _note(f"files: {remark}" for remark in missing(_paths(loaded.configuration.collectors)))
    if arguments.show:
        shown = _shown(loaded)
        print(json.dumps(shown) if arguments.json else as_yaml(shown), end="\n" if arguments.json else "")
        return DONE
    if not arguments.json:
        sources = loaded.configuration.sources
        print("\n".join(f"{source}: ok" for source in sources) or "no file: the defaults are ok")
    return _conclude([], arguments)


def _doubts_on_this_host(loaded: "Loaded") -> Iterator[str]:
    """Yield what is right and, as this host is, likely not meant."""
    from agent.doctor import capability, doubts, privacy

    yield from doubts.doubts(loaded.configuration.collectors)
    yield from privacy.doubts(loaded)
    yield from capability.doubts(loaded.configuration.collectors)


def _shown(loaded: "Loaded") -> dict[str, Any]:
    from agent.configuration.fingerprint import configuration_hash
    from agent.configuration.show import effective
    from agent.events.hostname import discover

    configuration = loaded.configuration
    shown = effective(configuration, discover(configuration.settings.hostname))
    return shown | {"configuration_hash": configuration_hash(configuration)}


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        complain(f"warning: {warning}")


def _note(remarks: Iterable[str]) -> None:
    """Tell what may be just as it is meant."""
    for remark in remarks:
        complain(f"note: {remark}")


def _paths(collectors: Mapping[str, "Sequence[Scoped[Any]]"]) -> Iterator[str]:
    """Yield the paths and patterns of all files to be watched."""
    for entry in collectors.get("files", ()):
        yield from entry.config.all_paths()


def _conclude(problems: "Iterable[Problem]", arguments: Namespace) -> int:
    """Tell the problems, on stderr for people and on stdout for programs; return the status."""
    told = [*problems]
    for problem in told:
        print(problem, file=sys.stderr)
    if arguments.json:
        print(json.dumps([problem.as_json() for problem in told]))
    return MISUSED if told else DONE
