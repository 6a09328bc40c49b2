"""The configuration that a command was started with."""

import os
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agent.configuration import found_right
from agent.configuration.location import VOLATILE, Location, locate
from agent.configuration.problem import ConfigurationError

if TYPE_CHECKING:  # the types cost a quick command as much as what it does
    from agent.configuration.types import Configuration


class Places(NamedTuple):
    """Where the daemon is met, and where events are left when it is not there."""

    socket: Path
    spool_directory: Path


def spool_to_read(found: "Places | Configuration") -> Path:
    """Return where the daemon keeps events: beside its socket where it could not use `spool.directory`, which is said."""
    from agent.cli import complain

    volatile = found.socket.parent / VOLATILE
    with suppress(OSError):  # who may not look there may not read it either
        if volatile.is_dir():
            complain(f"what follows is of {volatile}: the daemon could not use {found.spool_directory}")
            return volatile
    return found.spool_directory


def configuration(arguments: Namespace) -> "Configuration":
    """Return it; raises `ConfigurationError`. A wrong conf.d file is no obstacle to looking at things."""
    from agent.cli import complain
    from agent.configuration.start import Start

    found = Start(arguments.config, user=arguments.user, for_run=False).first()
    if found.replaced:
        complain(f"{found.replaced[0]} (this goes by the last agent.yaml that was right)")
    return found


def configuration_or_places(arguments: Namespace) -> "Configuration":
    """Return it, or at least where things are: for who only looks, also where agent.yaml was never right."""
    from agent.cli import complain
    from agent.configuration.types import Configuration, Settings

    try:
        return configuration(arguments)
    except ConfigurationError as error:
        problems = tuple(map(str, error.problems))
    location = locate(
        arguments.config, user=arguments.user
    )  # raises where there is none: then that is told, and once
    complain(problems[0])
    try:
        found = places(arguments)
    except ConfigurationError:
        found = _written_places(location)
    is_known = os.access(location.file, os.R_OK)  # who may not read it cannot say that it is wrong
    return Configuration(
        settings=Settings(),
        spool_directory=found.spool_directory,
        socket=found.socket,
        collectors={},
        replaced=problems if is_known else (),
    )


def places_first(arguments: Namespace) -> "tuple[Places, Callable[[], Configuration]]":
    """Return where things are, and what returns the configuration; it is only looked at where it may be wrong, which is said."""
    known = _known_places(arguments)
    if known is not None:
        return known, partial(configuration_or_places, arguments)
    found = configuration_or_places(arguments)
    return Places(found.socket, found.spool_directory), lambda: found


def _known_places(arguments: Namespace) -> Places | None:
    """Return them where the daemon has found agent.yaml right, as it is now; None where nobody knows that."""
    try:
        location = locate(arguments.config, user=arguments.user)
    except ConfigurationError:
        return None
    match found_right.where_the_spool_is(location, os.environ):
        case found_right.USUAL:
            return Places(location.socket, location.spool_directory)
        case found_right.OTHER:
            return places(arguments)
    return None


def places(arguments: Namespace) -> Places:
    """Return the two places alone, in a fraction of the time; the rest of the file may say what it wants.

    Raises `ConfigurationError` when there is a file and it is no YAML or may not be read.
    """
    location = locate(arguments.config, user=arguments.user)
    if not location.exists:
        return Places(location.socket, location.spool_directory)
    from agent.configuration.nodes import compose_file, entry, text_entry
    from agent.configuration.problem import Problem

    root = compose_file(location.file)
    if isinstance(root, Problem):
        raise ConfigurationError([root])
    socket = text_entry(entry(root, "intake"), "socket")
    directory = text_entry(entry(root, "spool"), "directory")
    return Places(
        Path(socket) if socket else location.socket,
        Path(directory) if directory else location.spool_directory,
    )


def places_anyway(arguments: Namespace) -> Places:
    """Return the two places, also where agent.yaml is wrong or may not be read, which is said: the daemon goes on, too.

    They are good enough to ask, not to write. Raises `ConfigurationError` when the file that was named does not exist.
    """
    try:
        return places(arguments)
    except ConfigurationError:
        found = configuration_or_places(arguments)
        return Places(found.socket, found.spool_directory)


def _written_places(location: Location) -> Places:
    """Return the two places as they stand in a file that is no YAML: enough for who only looks."""
    try:
        text = location.file.read_text("utf-8", "replace")
    except OSError:
        text = ""
    return Places(
        Path(_written(text, "intake", "socket") or location.socket),
        Path(_written(text, "spool", "directory") or location.spool_directory),
    )


def _written(text: str, section: str, key: str) -> str:
    """Return what seems to be written under a key of a section, in either style of YAML."""
    import re

    pattern = rf"""^[ ]*["']?{section}["']?\s*:(?:(?!^\S).)*?\b{key}["']?\s*:\s*["']?(/[^"',}}\s#]+)"""
    found = re.search(pattern, text.replace("{", " {"), re.MULTILINE | re.DOTALL)
    return found[1] if found else ""
