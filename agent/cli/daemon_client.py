"""Asking the daemon by its socket: just enough HTTP, since the usual libraries take longer than the answer.

Says exactly whether anything was sent before it failed: only then may an event go another way.
"""

import time
from _socket import (  # the module behind socket, which makes enums of all its constants
    AF_UNIX,
    SOCK_CLOEXEC,
    SOCK_STREAM,
    socket,
)
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from agent.cli import CommandError

if TYPE_CHECKING:  # a quick command has no other use of it
    from pathlib import Path

GROUP = "sts-agent"
_PRIVATE = ("/rejected/", "/drops/")
"""What the daemon does for root and its own user alone, also where others may ask it."""
_MAX_ANSWER_BYTES = 16 * 1024 * 1024


class Reply(NamedTuple):
    """What the daemon answered."""

    status: int
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether it did what it was asked."""
        return self.status == 200  # noqa: PLR2004 - HTTP's

    @property
    def reason(self) -> str:
        """The daemon's own words, where it refused."""
        return self.body.decode("utf-8", "replace").strip()

    def accepted(self) -> bytes:
        """Return the body; raises `CommandError` where the daemon refused."""
        if not self.is_ok:
            raise CommandError(f"the daemon refused: {self.reason}")
        return self.body


class NotAnsweringError(CommandError):
    """Nobody listens there; nothing was sent."""


class NotAllowedError(CommandError):
    """This user may not; nothing was sent."""

    def __init__(self, path: "Path | str", target: str = "") -> None:
        who = f"only root and members of the group {GROUP} are: `usermod --append --groups {GROUP} USER`"
        if target.startswith(_PRIVATE):  # to be let in would not help
            who = "only root and the service's user are: use sudo"
        super().__init__(f"not allowed to use {path}", who)


class LostAnswerError(CommandError):
    """Something was sent and no whole answer came: it may or may not have been done."""


def ask(
    path: "Path | str", method: str, target: str, body: bytes = b"", *, timeout_seconds: float = 10
) -> Reply:
    """Return the daemon's answer; raises the errors above."""
    deadline = time.monotonic() + timeout_seconds
    with closing(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)) as way:
        way.settimeout(timeout_seconds)
        try:
            way.connect(str(path))
        except PermissionError:
            raise NotAllowedError(path, target) from None
        except OSError as error:
            raise NotAnsweringError(
                f"no daemon answers at {path}: {error.strerror or error}", "is `sts-agent run` running?"
            ) from None
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        way.settimeout(_left(deadline))
        try:
            way.sendall(head.encode() + body)
        except BrokenPipeError:
            pass  # it has already answered, and that says why
        except OSError as error:
            raise LostAnswerError(f"the daemon did not take it: {error}") from None
        return _parse(_read(way, deadline))


def _read(way: socket, deadline: float) -> bytes:
    received = bytearray()
    while len(received) < _MAX_ANSWER_BYTES:
        way.settimeout(_left(deadline))
        try:
            part = way.recv(262_144)
        except OSError as error:
            raise LostAnswerError(f"the daemon's answer did not come: {error}") from None
        if not part:
            break
        received += part
    return bytes(received)


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())  # 0 would mean not to wait at all


def _parse(answer: bytes) -> Reply:
    head, end, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if not end or len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004 - version and status
        raise LostAnswerError("the daemon's answer did not come whole")
    return Reply(int(words[1]), body)
