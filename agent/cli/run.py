"""`sts-agent run`: the daemon, in the foreground."""

import gc
import os
import sys
import threading
from argparse import Namespace
from functools import partial

from agent.cli import Subparsers

_MORE_THAN_A_START_MAKES = 500_000
"""Of objects. What is loaded stays: to look for garbage in it is a twentieth of the work until READY; what mends a large spool may make more."""


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    subparsers.add_parser(
        "run",
        description="Watch this host, keep what happens, deliver it. "
        "SIGTERM or SIGINT: a last flush, then the end. SIGHUP: reload the configuration.",
    )


def run(arguments: Namespace) -> int:
    """Run until a signal ends it."""
    usual = gc.get_threshold()
    gc.set_threshold(_MORE_THAN_A_START_MAKES)
    import agent.cli.late_inspect
    import agent.cli.late_platform  # noqa: F401 - both before what imports dataclasses and uuid
    from agent.configuration.start import Start
    from agent.runtime.daemon import Daemon
    from agent.runtime.log_setup import start_logging

    os.umask(0o077)  # what the daemon makes is for its user alone, unless it says otherwise
    start = Start(arguments.config, user=arguments.user)
    configuration = start.first()
    start_logging(configuration.settings.log_level)
    status = Daemon(configuration, start.again, start.keep, partial(gc.set_threshold, *usual)).run()
    if threading.active_count() > 1:
        # A thread that cannot be interrupted, as in getaddrinfo, must not hold up the end. All is on disk.
        sys.stderr.flush()
        os._exit(status)
    return status
