"""The Unix socket: accepts, bounds, and gives every connection a thread while it lasts.

Blocks in accept and recv; nothing here wakes up by itself. The socket's mode is the whole check of who
may post, so it is complete before the socket has its name.
"""

import grp
import logging
import os
import pwd
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore, Event, Lock, Thread

from agent.intake.wire import Answer, Limits, Refused, Request, Wire

log = logging.getLogger(__name__)

GROUP = "sts-agent"
_MODE = 0o660
_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED
_PAUSE_AFTER_FAILURE_SECONDS = 1.0


class IntakeError(Exception):
    """The socket cannot be had; `hint` says what to do."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem} ({hint})")
        self.hint = hint


class Server:
    """Answers requests on one Unix socket until it is stopped."""

    def __init__(
        self,
        path: Path,
        answer: Callable[[Request], Answer],
        *,
        limits: Limits | None = None,
        max_connections: int = 64,
    ) -> None:
        self.path = path
        self._answer = answer
        self._limits = limits or Limits()
        self._free = BoundedSemaphore(max_connections)
        self._stopping = Event()
        self._lock = Lock()
        self._open: dict[socket.socket, Thread] = {}
        self._seen_uids: set[int] = set()
        self._listener: socket.socket | None = None
        self._made: tuple[int, int] | None = None
        self._thread: Thread | None = None

    def start(self) -> None:
        """Listen from the moment this returns; raises `IntakeError`."""
        self._listener = listen(self.path)
        self._made = _identity(self.path)
        self._thread = Thread(target=self._accept, args=(self._listener,), name="intake", daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float = 2.0) -> None:
        """Take no more, let what is being answered be answered, and remove the socket."""
        self._stopping.set()
        listener, self._listener = self._listener, None
        if listener is None or self._thread is None:
            return
        if _identity(self.path) == self._made:  # else it is that of whoever came after us
            self.path.unlink(missing_ok=True)
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._thread.join(timeout_seconds)
        listener.close()
        with self._lock:
            ending = dict(self._open)
        for connection in ending:
            _quietly(lambda connection=connection: connection.shutdown(socket.SHUT_RD))  # type: ignore[misc]
        for thread in ending.values():
            thread.join(timeout_seconds)

    def is_alive(self) -> bool:
        """Return whether new connections are accepted."""
        return self._thread is not None and self._thread.is_alive()

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            self._free.acquire()
            try:
                connection, _ = listener.accept()
            except OSError as error:
                self._free.release()
                if not self._stopping.is_set():
                    log.warning("intake: %s", error)
                    self._stopping.wait(_PAUSE_AFTER_FAILURE_SECONDS)
                continue
            thread = Thread(target=self._serve, args=(connection,), name="intake-connection", daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._log_peer(connection)
            self._converse(Wire(connection, self._limits))
        except OSError as error:
            log.debug("intake: a client went away: %s", error)
        except Exception:
            log.exception("intake: a connection failed")
        finally:
            with self._lock:
                del self._open[connection]
            connection.close()
            self._free.release()

    def _converse(self, wire: Wire) -> None:
        keep_alive = True
        while keep_alive and not self._stopping.is_set():
            try:
                request = wire.read()
            except Refused as refused:
                wire.write(refused.answer(), keep_alive=False)
                return
            if request is None:
                return
            keep_alive = request.keep_alive and not self._stopping.is_set()
            wire.write(self._answer(request), keep_alive=keep_alive)

    def _log_peer(self, connection: socket.socket) -> None:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        pid, uid, _ = _PEER_CREDENTIALS.unpack(raw)
        if uid not in self._seen_uids:
            self._seen_uids.add(uid)
            log.info("intake: first connection of %s (uid %d, pid %d)", _user_name(uid), uid, pid)
        log.debug("intake: uid %d, pid %d", uid, pid)


def listen(path: Path) -> socket.socket:
    """Return a socket that listens at `path`, with its mode and group from the start."""
    if _is_answering(path):
        raise IntakeError(f"{path}: another program listens there", "end it, or set intake.socket")
    unnamed = path.with_name(f".{path.name}.{os.getpid()}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            path.parent.chmod(0o755)  # whatever the umask: the socket's own mode says who may use it
        unnamed.unlink(missing_ok=True)
        listener.bind(str(unnamed))
        unnamed.chmod(_MODE)
        _give_to_group(unnamed)
        listener.listen(socket.SOMAXCONN)
        unnamed.rename(path)
    except OSError as error:
        listener.close()
        _quietly(lambda: unnamed.unlink(missing_ok=True))
        raise IntakeError(f"{path}: {error.strerror or error}", "set intake.socket to another path") from None
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


def _quietly(step: Callable[[], object]) -> None:
    try:
        step()
    except OSError as error:
        log.debug("intake: %s", error)
