"""Which configuration a daemon starts with, goes over to, and keeps for the day when a wrong one is found.

A start takes agent.yaml as it is. Where that is wrong, the last one that was right takes its place, and says so: a
host must not go unrecorded after a typo and a reboot. Only where none was ever right there is nothing to start with.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from agent.configuration import found_right, last_right
from agent.configuration.last_right import LastRight, Steps
from agent.configuration.load import Loaded, load_whole
from agent.configuration.location import locate
from agent.configuration.problem import ConfigurationError
from agent.configuration.types import Configuration, Secret

log = logging.getLogger(__name__)

WITHHELD = "its {what} stood in agent.yaml, which is wrong now; keys are not kept: correct agent.yaml, or use a key file"


class Start:
    """The configuration of one daemon, from its start over every reload."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        user: bool = False,
        for_run: bool = True,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._path = path
        self._environ = environ
        self._whole = partial(load_whole, path, user=user, for_run=for_run)
        self._locate = partial(locate, path, user=user, for_run=for_run, environ=environ)
        self._right: Loaded | None = None
        self._state = ""
        """That of agent.yaml before it was read; commands only look whether it still has it."""

    def first(self) -> Configuration:
        """Return what to start with; raises `ConfigurationError` where nothing was ever right."""
        location = self._locate()  # a file that was asked for and is not there is no typo in it
        try:
            return self._read(strict=False)
        except ConfigurationError as error:
            kept = last_right.read(location)
            if kept is None:
                raise
            return self._instead(kept, error)

    def again(self) -> Configuration:
        """Return what a reload goes over to; raises `ConfigurationError` for whatever is wrong."""
        return self._read(strict=True)

    def _read(self, *, strict: bool) -> Configuration:
        state = found_right.state_of(self._locate(), self._environ)
        self._right = self._whole(environ=self._environ, strict=strict)
        self._state = state
        return self._right.configuration

    def keep(self) -> None:
        """Keep the configuration that is in use, if agent.yaml was right, and leave word of that; trouble is logged."""
        if self._right is None:
            return
        configuration, location, root, expected = self._right
        try:
            found_right.leave(location, self._state, configuration)
        except OSError as error:
            log.debug("commands check agent.yaml themselves: %s", error)
        try:
            last_right.keep(location, root, expected)
        except (OSError, ValueError) as error:
            log.warning("cannot keep this configuration for a start that finds a wrong one: %s", error)

    def _instead(self, kept: LastRight, error: ConfigurationError) -> Configuration:
        for environ in (self._environ, {}):  # the environment may be what is wrong
            try:
                loaded = self._whole(environ=environ, strict=False, instead=kept.root)
            except ConfigurationError:
                continue
            configuration = loaded.configuration
            return msgspec.structs.replace(
                configuration,
                replaced=tuple(map(str, error.problems)),
                withheld=configuration.withheld | _withheld(configuration, kept.left_out),
            )
        raise error


def _withheld(configuration: Configuration, left_out: Iterable[Steps]) -> dict[str, str]:
    """Return the destinations whose secrets were not kept and came from nowhere else."""
    missing = (steps for steps in left_out if len(steps) > 2 and steps[0] == "destinations")  # noqa: PLR2004 - a name and a key
    return {
        name: WITHHELD.format(what=".".join(key))
        for _, name, *key in sorted(missing)
        if name in configuration.settings.destinations
        and not _is_given(configuration.settings.destinations[name], key)
    }


def _is_given(settings: object, key: Iterable[str]) -> bool:
    """Return whether something else than a placeholder stands there, as the environment's key does."""
    found = settings
    for step in key:
        found = found.get(step) if isinstance(found, Mapping) else getattr(found, step, None)
    if isinstance(found, Secret):
        return found.reveal() != last_right.PLACEHOLDER
    return isinstance(found, str) and "@" in found
