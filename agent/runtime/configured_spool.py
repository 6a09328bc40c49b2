"""The spool as the configuration wants it, and the place that takes over where it cannot be had."""

import os
from collections.abc import Mapping
from pathlib import Path

from agent.configuration.types import Configuration
from agent.configuration.types import Spool as SpoolSettings
from spool import Options, Spool

VOLATILE = "volatile-spool"


def open_spool(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> Spool:
    """Open the spool of the daemon; raises `SpoolLocked` where another one has it."""
    return Spool.open(
        configuration.spool_directory,
        options(configuration.settings.spool),
        volatile_directory=volatile_directory(environ),
    )


def volatile_directory(environ: Mapping[str, str]) -> Path | None:
    """Return where a service may write that has no temporary directory; None where it is no service."""
    given = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(given) / VOLATILE if given else None


def options(settings: SpoolSettings) -> Options:
    """Return what the operator decided, as the spool takes it."""
    return Options(
        max_size_bytes=settings.max_size,
        max_age_seconds=settings.max_age,
        keep_delivered_seconds=settings.keep_delivered,
        when_full=settings.when_full,
    )
