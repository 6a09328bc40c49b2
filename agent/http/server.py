"""The server: accepts, bounds, and gives every connection a thread while it lasts.

Blocks in accept and recv; nothing here wakes up by itself. Whatever fails, the accepting thread goes on.
"""

import contextlib
import errno
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from agent.http.budget import Budget
from agent.http.connections import Connections, Place
from agent.http.conversation import Answer, Conversation
from agent.http.limits import Limits
from agent.http.message import Peer, Refusal, Response
from agent.http.trouble import Trouble

if TYPE_CHECKING:  # 3 MiB that only a server with TLS needs, and who makes one has loaded it
    import ssl

log = logging.getLogger(__name__)

_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED
_PAUSE_SECONDS, _ITS_END_SECONDS = 0.2, 0.01
"""Before the next try: with nothing to be had, and while the one that gave way ends."""
_BACKLOG = 1024


class Talk(Protocol):
    """A manner of talking."""

    def hold(self, place: Place) -> None:
        """Talk for as long as one connection lasts; raises `OSError` when the client goes away."""
        ...


MakeTalk = Callable[[Connections, threading.Event], Talk]
"""Given all places, and what is set when the server is being stopped."""


class Server:
    """Answers requests on one socket that listens, which it owns, until it is stopped."""

    def __init__(
        self,
        listener: socket.socket,
        answer: Answer,
        limits: Limits | None = None,
        *,
        refuse: Callable[[Refusal], Response] = Refusal.plain,
        budget: Budget | None = None,
        tls: "ssl.SSLContext | None" = None,
        name: str = "http",
        thread: type[threading.Thread] = threading.Thread,
        talk: "MakeTalk | None" = None,
    ) -> None:
        """With `talk` the connections are held by what it makes, which speaks something else than HTTP."""
        limits = limits or Limits()
        self._listener = listener
        self._tls = tls
        self._name = name
        self._new_thread = thread
        self._request_seconds = limits.request_seconds
        self._connections = Connections(limits.connections)
        self._stopping = threading.Event()
        self._trouble = Trouble(log, f"{name}: taking a connection")
        self._conversation: Talk = (
            talk(self._connections, self._stopping)
            if talk is not None
            else Conversation(answer, refuse, limits, budget, self._connections, self._stopping, name)
        )
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 2.0) -> None:
        """Take no more, let what is being answered be answered for so long, then end every connection."""
        self._stopping.set()
        left = self._connections.close()
        _shut(self._listener)  # wakes accept
        if self._thread.ident is not None:
            self._thread.join()
        self._listener.close()
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):
            deadline = time.monotonic() + timeout_seconds
            for place in left:
                self._connections.shut(place, how)
            for place in left:
                if place.thread is not None:
                    place.thread.join(max(0.0, deadline - time.monotonic()))

    def is_alive(self) -> bool:
        """Return whether new connections are accepted."""
        return self._thread.is_alive()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                self._take()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next connection is not to blame
                self._make_room(error)

    def _take(self) -> None:
        connection, address = self._listener.accept()
        try:
            place = self._connections.enter(connection, _peer(connection, address))
            if place is None:
                connection.close()
                return
        except BaseException:
            connection.close()
            raise
        self._begin(place)

    def _begin(self, place: Place) -> None:
        """Start the place's thread, as soon as there can be one."""
        while not self._has_started(place):
            if self._stopping.is_set() or place.is_over:
                self._end(place)
                return

    def _has_started(self, place: Place) -> bool:
        thread = self._new_thread(
            target=self._serve, args=(place,), name=f"{self._name}-connection", daemon=True
        )
        place.thread = thread
        try:
            thread.start()
        except (RuntimeError, MemoryError, OSError) as error:
            place.thread = None
            self._make_room(error, starting=place)
            return False
        return True

    def _make_room(self, error: Exception, starting: Place | None = None) -> None:
        """Say what went wrong, let one connection give way for the want of what it holds, and wait a little."""
        if self._stopping.is_set():
            return
        if isinstance(error, OSError) and error.errno == errno.ECONNABORTED:
            return  # the client gave up before we took it
        self._trouble.happened(str(error) or type(error).__name__)
        gave_way = self._connections.give_way(lambda place: place is not starting)
        self._stopping.wait(_PAUSE_SECONDS if not gave_way else _ITS_END_SECONDS)

    def _serve(self, place: Place) -> None:
        try:
            self._secure(place)
            self._conversation.hold(place)
        except OSError as error:
            log.debug("%s: a client went away: %s", self._name, error)
        except Exception:
            log.exception("%s: a connection failed", self._name)
        finally:
            self._end(place)

    def _secure(self, place: Place) -> None:
        """Speak TLS from here on, where that is wanted."""
        if self._tls is None:
            return
        secured = self._tls.wrap_socket(place.connection, server_side=True, do_handshake_on_connect=False)
        self._connections.secure(place, secured)
        secured.settimeout(self._request_seconds)
        secured.do_handshake()

    def _end(self, place: Place) -> None:
        place.release()
        self._connections.leave(place)
        place.connection.close()


def serve(
    listener: socket.socket,
    answer: Answer,
    limits: Limits | None = None,
    *,
    refuse: Callable[[Refusal], Response] = Refusal.plain,
    budget: Budget | None = None,
    tls: "ssl.SSLContext | None" = None,
    name: str = "http",
    thread: type[threading.Thread] = threading.Thread,
) -> Server:
    """Return a server that answers on `listener`, which becomes its own."""
    server = Server(listener, answer, limits, refuse=refuse, budget=budget, tls=tls, name=name, thread=thread)
    server.start()
    return server


def listen_on_port(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Return a socket that listens on TCP; port 0 is any free one; raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def _peer(connection: socket.socket, address: object) -> Peer:
    if connection.family == socket.AF_UNIX:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        pid, uid, gid = _PEER_CREDENTIALS.unpack(raw)
        return Peer(uid=uid, gid=gid, pid=pid)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Peer(str(address[0]) if isinstance(address, tuple) else "")


def _shut(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
