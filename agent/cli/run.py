"""`sts-agent run`: the daemon, in the foreground."""

import os
import sys
import threading
from argparse import Namespace
from functools import partial

from agent.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    subparsers.add_parser(
        "run",
        description="Watch this host, keep what happens, deliver it. "
        "SIGTERM or SIGINT: a last flush, then the end. SIGHUP: reload the configuration.",
    )


def run(arguments: Namespace) -> int:
    """Run until a signal ends it."""
    from agent.configuration.load import load
    from agent.daemon import Daemon
    from agent.journal import start_logging

    os.umask(0o077)  # what the daemon makes is for its user alone, unless it says otherwise
    loaded = partial(load, arguments.config, user=arguments.user, for_run=True)
    configuration = loaded()
    start_logging(configuration.settings.log_level)
    status = Daemon(configuration, partial(loaded, strict=True)).run()
    if threading.active_count() > 1:
        # A thread that cannot be interrupted, as in getaddrinfo, must not hold up the end. All is on disk.
        sys.stderr.flush()
        os._exit(status)
    return status
