"""`sts-agent report`: one self-contained page of this host's history, to attach to a ticket or open beside an outage.

It reads what `log` reads, beside the daemon or without it, and changes nothing.
"""

import os
import stat
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

from agent.cli import COMMANDS, DONE, MISUSED, CommandError, Subparsers, complain
from agent.cli.paths import configuration_or_places, spool_to_read
from agent.cli.terminal import coloured
from collectors._portable import counted

_BEFORE_SECONDS = 86_400
_AFTER_SECONDS = _BEFORE_SECONDS // 10
"""What a page shows around a moment where nothing else is said."""
_NEAR_SECONDS = 1800
"""A failure so near to a moment is what is asked about."""


def add_parser(subparsers: Subparsers) -> None:
    """Describe the command's words."""
    parser = subparsers.add_parser("report", help=COMMANDS["report"], description=__doc__)
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="where to, as `host.html`; - is stdout"
    )
    parser.add_argument(
        "--since", metavar="T", help="from then on: as `log` takes it; without: all that is kept"
    )
    parser.add_argument("--until", metavar="T", help="up to then")
    parser.add_argument(
        "--around",
        metavar="T",
        help="what changed before then; shows the day before unless --since says else",
    )


def run(arguments: Namespace) -> int:
    """Write it."""
    if not arguments.output:
        raise CommandError("-o: the name of the file is empty", "write `-o host.html`", status=MISUSED)
    try:
        from agent.report.page import Asked, page
    except ModuleNotFoundError as error:
        if error.name not in {"jinja2", "markupsafe"}:
            raise
        raise CommandError("a report needs jinja2", "pip install 'sts-agent[report]'") from None
    from agent.cli.led_to import read_led_to
    from agent.cli.status import read_document
    from agent.cli.time_argument import parse_moment
    from agent.report.history import named, read_history
    from spool import SpoolReader

    since, until, around = (
        None if text is None else parse_moment(text)
        for text in (arguments.since, arguments.until, arguments.around)
    )
    if around is not None:
        since = around - _BEFORE_SECONDS if since is None else since
        until = min(around + _AFTER_SECONDS, int(time.time()) + 1) if until is None else until
    configured = configuration_or_places(arguments)
    with SpoolReader.open(spool_to_read(configured)) as reader:
        history = read_history(reader, since, until)
        led = around is not None and read_led_to(
            reader, around, (around - _NEAR_SECONDS, around + _NEAR_SECONDS), ()
        )
    if history.damaged:
        complain("parts of the history are damaged and left out; the daemon saves what can be saved")
    document = read_document(configured.socket, lambda: configured)
    content = page(history, document, Asked(since, until, around, named(led.named if led else ()))).encode()
    try:
        _write(arguments.output, content)
    except OSError as error:
        raise CommandError(f"{arguments.output}: {error.strerror}") from None
    if arguments.output != "-":
        complain(f"{counted(len(history.events), 'event')} written to {arguments.output}")
    return DONE


def _write(name: str, content: bytes) -> None:
    """Write a file whole or not at all, for its owner's eyes; what is no file is written to."""
    if name == "-":
        stream = coloured(sys.stdout)
        stream.flush()
        stream.buffer.write(content)
        stream.buffer.flush()
        return
    path = Path(name)
    if _is_no_file(path):
        path.write_bytes(content)
        return
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def _is_no_file(path: Path) -> bool:
    """Return whether something is there that is neither a file nor a link, as a pipe or a device."""
    try:
        return not stat.S_ISREG(path.lstat().st_mode) and not path.is_symlink()
    except FileNotFoundError:
        return False
