"""The daemon's own log: stderr, with the level as systemd's journal reads it where that listens."""

import logging
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any, TextIO

from agent.configuration.types import Configuration
from agent.runtime.log_folding import ASKED, FoldingStream
from collectors._portable import printable

log = logging.getLogger(__name__)

_SYSLOG_LEVELS = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class _Formatter(logging.Formatter):
    """Makes one line of a message, whatever names and answers are in it; a traceback below it is set in."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        """Return the message as one printable line."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - likewise
        """Return the traceback, each line set in, so that none can pass for a message."""
        return "\n".join(f"    {printable(line)}" for line in super().formatException(ei).split("\n"))


class _JournalFormatter(_Formatter):
    """Begins every line with `<level>` (sd-daemon(3)); the journal adds the time itself."""

    def format(self, record: logging.LogRecord) -> str:
        level = _SYSLOG_LEVELS.get(record.levelno, 6)
        return "\n".join(f"<{level}>{line}" for line in super().format(record).split("\n"))


def is_journal(stream: TextIO) -> bool:
    """Return whether `stream` is the very one that $JOURNAL_STREAM names (device:inode)."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def start_logging(level: str, stream: TextIO | None = None) -> None:
    """Log to stderr from now on; what ends a thread is logged too. May be called again for a new level."""
    stream = stream or sys.stderr
    handler = FoldingStream(stream)
    if is_journal(stream):
        handler.setFormatter(_JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(_Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # At DEBUG it prints whole URLs, and a key may stand in one.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    logging.getLogger("schedule").setLevel(logging.WARNING)
    threading.excepthook = _log_ended_thread


def _log_ended_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is None:
        return
    name = ended.thread.name if ended.thread else "a thread"
    logging.getLogger(__name__).critical(
        "%s ended by an exception", name, exc_info=(ended.exc_type, ended.exc_value, ended.exc_traceback)
    )


def say(configuration: Configuration) -> None:
    """Log what a person should know of the configuration that runs now, as much as it wants logged."""
    start_logging(configuration.settings.log_level)
    for warning in configuration.warnings:
        log.warning("%s", warning)
    for path, problems in configuration.set_aside.items():
        log.error("%s is wrong and not used: %s", path, "; ".join(problems))
    if configuration.replaced:
        log.error("agent.yaml is wrong; the last one that was right goes on")
    for problem in configuration.replaced:
        log.error("%s", problem)


def say_refused(problems: Iterable[str]) -> None:
    """Log why a reload is refused."""
    log.error("the new configuration is wrong, the old one goes on", extra=ASKED)
    for problem in problems:
        log.error("%s", problem, extra=ASKED)
