"""The kinds of listeners that speak HTTP: the Unix socket that is always there, and ports of the loopback.

The socket's mode is the whole check of who may post, so it is complete before the socket has its name.
"""

import grp
import logging
import os
import pwd
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent.http.budget import Budget
from agent.http.limits import Limits
from agent.http.message import Refusal, Request, Response
from agent.http.server import Server, listen_on_port, serve

log = logging.getLogger(__name__)

GROUP = "sts-agent"
_MODE = 0o660

Answer = Callable[[Request], Response]
Refuse = Callable[[Refusal], Response]


class _HttpListener:
    """A server between `start` and `stop`; a kind says how its socket is made."""

    def __init__(
        self,
        address: str,
        answer: Answer,
        *,
        refuse: Refuse = Refusal.plain,
        budget: Budget | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.address = address
        self._answer = answer
        self._refuse = refuse
        self._budget = budget
        self._limits = limits
        self._server: Server | None = None

    def stop(self) -> None:
        """Take no more, and let what is being answered be answered."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def is_alive(self) -> bool:
        """Return whether new connections are accepted."""
        return self._server is not None and self._server.is_alive()

    def _serve(self, listener: socket.socket, name: str) -> None:
        self._server = serve(
            listener, self._answer, self._limits, refuse=self._refuse, budget=self._budget, name=name
        )


class SocketListener(_HttpListener):
    """HTTP on a Unix socket."""

    def __init__(self, path: Path, answer: Answer, **options: Any) -> None:
        super().__init__(str(path), Acquainted(answer).answer, **options)
        self.path = path
        self._made: tuple[int, int] | None = None

    def start(self) -> None:
        """Listen from the moment this returns; raises `OSError`."""
        listener = listen_at(self.path)
        self._made = _identity(self.path)
        self._serve(listener, "intake")

    def stop(self) -> None:
        """Take no more, remove the socket, and let what is being answered be answered."""
        if (
            self._server is not None and _identity(self.path) == self._made
        ):  # else it is that of whoever came after us
            with suppress(OSError):
                self.path.unlink()
        super().stop()


class PortListener(_HttpListener):
    """HTTP on a port of this host, for programs of this host alone unless the limits say otherwise."""

    def start(self) -> None:
        """Listen from the moment this returns; raises `OSError`."""
        where = urlsplit(f"//{self.address}")
        self._serve(listen_on_port(where.hostname or "", where.port or 0), "port")


class Acquainted:
    """Passes requests on, and logs each user's first."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._uids: set[int] = set()

    def answer(self, request: Request) -> Response:
        """Return the answer."""
        uid = request.peer.uid
        if uid is not None and uid not in self._uids:
            self._meet(uid, request.peer.pid)
        return self._answer(request)

    def _meet(self, uid: int, pid: int | None) -> None:
        with self._lock:
            if uid in self._uids:
                return
            self._uids.add(uid)
        log.info("intake: first connection of %s (uid %d, pid %s)", _user_name(uid), uid, pid)


def listen_at(path: Path) -> socket.socket:
    """Return a socket that listens at `path`, with its mode and group from the start; raises `OSError`."""
    if _is_answering(path):
        raise OSError("another program listens there")
    unnamed = path.with_name(f".{path.name}.{os.getpid()}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        unnamed.unlink(missing_ok=True)
        listener.bind(str(unnamed))
        unnamed.chmod(_MODE)
        _give_to_group(unnamed)
        listener.listen(socket.SOMAXCONN)
        unnamed.rename(path)
    except BaseException:
        listener.close()
        with suppress(OSError):
            unnamed.unlink(missing_ok=True)
        raise
    return listener


def _give_to_group(path: Path) -> None:
    try:
        group = grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return  # not installed as a service: only this user posts
    try:
        os.chown(path, -1, group)
    except PermissionError:
        log.info("intake: %s stays in our own group, we are not in %s", path.name, GROUP)


def _is_answering(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True  # its backlog is full
        except OSError:
            return False
        return True


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "an unknown user"
