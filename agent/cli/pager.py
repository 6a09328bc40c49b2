"""A pager on a terminal, as other commands with long results have one: `$PAGER`, else `less`; none where there is none.

Nothing is paged that goes into a file or a pipe.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO, cast

from agent.cli.terminal import Printable

if TYPE_CHECKING:  # in a pipe nothing is paged, and the history is there sooner
    import subprocess

_LESS = ("less", "--quit-if-one-screen", "--no-init")


@contextmanager
def paged() -> Iterator[None]:
    """Have what is printed meanwhile shown by the pager, and wait for its end."""
    command = _command() if sys.stdout.isatty() else ()
    if not command:
        yield
        return
    import subprocess

    environ = {**os.environ, "LESSSECURE": "1"}  # a pager of root's is no shell
    pager = subprocess.Popen(command, stdin=subprocess.PIPE, env=environ)
    assert pager.stdin is not None  # noqa: S101 - asked for above
    before = sys.stdout
    sys.stdout = cast(TextIO, Printable(io.TextIOWrapper(pager.stdin, encoding=before.encoding)))
    try:
        yield
        sys.stdout.flush()
    finally:
        _close(sys.stdout)
        sys.stdout = before
        _wait(pager)


def _command() -> tuple[str, ...]:
    import shlex
    import shutil

    said = os.environ.get("PAGER")
    if said is not None:
        try:
            words = tuple(shlex.split(said))
        except ValueError:
            return ()
        return words if words and words != ("cat",) and shutil.which(words[0]) else ()
    return _LESS if shutil.which(_LESS[0]) else ()


def _close(stream: TextIO) -> None:
    with suppress(OSError):  # it has ended first, and wants no more
        stream.close()


def _wait(pager: "subprocess.Popen[bytes]") -> None:
    while True:
        try:
            pager.wait()
        except KeyboardInterrupt:
            continue  # that is the pager's own key
        return
