"""The spool as the configuration wants it, and the place that takes over where it cannot be had."""

import os
from pathlib import Path

from agent.configuration.location import VOLATILE
from agent.configuration.types import Configuration
from agent.configuration.types import Spool as SpoolSettings
from spool import Options, Spool


def open_spool(configuration: Configuration) -> Spool:
    """Open the spool of the daemon; raises `SpoolLocked` where another one has it.

    A service may write into its runtime directory where it has no temporary one; what is no service has neither.
    """
    runtime_directory = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Spool.open(
        configuration.spool_directory,
        options(configuration.settings.spool),
        volatile_directory=Path(runtime_directory) / VOLATILE if runtime_directory else None,
    )


def options(settings: SpoolSettings) -> Options:
    """Return what the operator decided, as the spool takes it."""
    return Options(
        max_size_bytes=settings.max_size,
        max_age_seconds=settings.max_age,
        keep_delivered_seconds=settings.keep_delivered,
        when_full=settings.when_full,
    )
