"""The client's socket: one JSON object or list of results over TCP or UDP, on one number.

Over TCP it answers `ok`, `invalid`, or `pong` to `ping`, and ends; over UDP nothing is answered. `ok` is said only of
what is on disk. A message has no other end than its last bracket, so it counts as soon as that is there.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

from agent.http.connections import Connections, Place
from agent.http.limits import Limits
from agent.http.server import Server, listen_on_port
from agent.intake.dialect import Problem
from agent.intake.odd import Odd
from agent.systems.sensu.datagrams import Datagrams
from agent.systems.sensu.result import Result, read_results
from agent.systems.sensu.whole_json import WholeJson

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
WHOLE_SECONDS = 15.0
"""From the first byte of a message to its last, however steadily it drips."""
MOST_BYTES = 1024 * 1024
TELL_AGAIN_SECONDS = 60.0
_ANSWER_SECONDS = 2.0
_DRAINED_BYTES = 4 * MOST_BYTES
_AT_ONCE = 64 * 1024

Take = Callable[[Sequence[Result]], None]


class ClientSocket:
    """Both sockets of the number, open or closed together."""

    def __init__(self, address: str, take: Take, odd: Odd) -> None:
        self.address = address
        self._take = take
        self._odd = odd
        self._lock = threading.Lock()
        self._told_at = float("-inf")
        self._server: Server | None = None
        self._datagrams: Datagrams | None = None

    def start(self) -> None:
        """Listen from the moment this returns; raises `OSError` when either cannot be had, and opens neither."""
        where = urlsplit(f"//{self.address}")
        host, port = where.hostname or "", where.port or 0
        listener = listen_on_port(host, port)
        try:
            datagrams = Datagrams(host, port, self._message)
        except BaseException:
            listener.close()
            raise
        self._server = Server(
            listener, lambda _: None, Limits(), name="sensu-client", talk=partial(_Talk, self._message)
        )
        self._server.start()
        self._datagrams = datagrams
        datagrams.start()

    def stop(self) -> None:
        """Take no more, and let what is being answered be answered."""
        server, self._server = self._server, None
        datagrams, self._datagrams = self._datagrams, None
        if datagrams is not None:
            datagrams.stop()
        if server is not None:
            server.stop(1.0)

    def is_alive(self) -> bool:
        """Return whether both still take something."""
        server, datagrams = self._server, self._datagrams
        return server is not None and server.is_alive() and datagrams is not None and datagrams.is_alive()

    def _message(self, message: bytes) -> None:
        """Return when the results of a message are on disk; raises `Problem`."""
        try:
            self._take(read_results(message))
        except Problem as problem:
            self._tell(problem)
            raise
        except Exception as error:
            self._odd("sensu.client", message, error)
            raise

    def _tell(self, problem: Problem) -> None:
        """Log why a message is not taken, now and then: whoever sends them must not fill the log."""
        now = time.monotonic()
        with self._lock:
            if now - self._told_at < TELL_AGAIN_SECONDS:
                return
            self._told_at = now
        log.warning("sensu: a message to the client's socket is not taken: %r", str(problem))


class _Talk:
    """The manner of the TCP side."""

    def __init__(
        self, take: Callable[[bytes], None], connections: Connections, stopping: threading.Event
    ) -> None:
        self._take = take
        self._connections = connections
        self._stopping = stopping

    def hold(self, place: Place) -> None:
        """Read one message, answer it, and be done."""
        connection = place.connection
        message = self._read(connection)
        if message is None or not self._connections.answering(place):
            return
        said = self._answer(message)
        connection.settimeout(_ANSWER_SECONDS)
        with contextlib.suppress(OSError):  # some close without reading
            connection.sendall(said)
            self._connections.waiting(place)  # who is only read on from gives way like one that says nothing
            _drain(connection)

    def _read(self, connection: socket.socket) -> WholeJson | None:
        """Return what came until it was whole, hopeless, silent or over; None when nothing did."""
        message = WholeJson()
        deadline = time.monotonic() + WHOLE_SECONDS
        while not (message.is_whole or message.is_ping or message.is_hopeless):
            left = min(IDLE_SECONDS, deadline - time.monotonic())
            if left <= 0 or len(message.data) > MOST_BYTES:
                break
            connection.settimeout(left)
            try:
                piece = connection.recv(_AT_ONCE)
            except TimeoutError:
                break
            if not piece:
                break
            message.feed(piece)
        return message if message.data else None

    def _answer(self, message: WholeJson) -> bytes:
        if message.is_ping:
            return b"pong"
        try:
            if not message.is_whole or len(message.data) > MOST_BYTES:
                return b"invalid"
            self._take(message.text)
        except Problem:
            return b"invalid"
        except Exception:
            log.exception("sensu: a message to the client's socket could not be taken")
            return b"invalid"
        return b"ok"


def _drain(connection: socket.socket) -> None:
    """Read on for a moment, so that the answer is not lost in a reset when something was not read."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(IDLE_SECONDS)
    left = _DRAINED_BYTES
    deadline = time.monotonic() + _ANSWER_SECONDS
    while left > 0 and time.monotonic() < deadline and (data := connection.recv(_AT_ONCE)):
        left -= len(data)
