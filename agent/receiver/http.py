"""A small blocking HTTP/1.1 server: one thread accepts, one thread a connection, and nothing polls.

It knows requests and replies, not what they mean. It must never outlive `close`: open connections
are shut down and their threads joined.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_IDLE_SECONDS = 60.0
_LAST_ANSWERS_SECONDS = 1.0
_CHUNK_LINE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: `body` still encoded, or None when it was larger than the limit."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer; `cut` closes the connection without any answer."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


class TooLargeError(Exception):
    """The body is larger than the limit."""


class HttpServer:
    """Serves `respond` on a TCP port from `start` to `close`."""

    def __init__(
        self,
        respond: Callable[[Request], Reply],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        max_body_bytes: int = 8 * 1024 * 1024,
    ) -> None:
        self._respond = respond
        self._tls = tls
        self._max_body_bytes = max_body_bytes
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=128)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._closing = False
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._acceptor = threading.Thread(target=self._accept, name="receiver", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._acceptor.start()

    def close(self) -> None:
        """Refuse new connections, let the answers under way go out, and wait for the threads."""
        with self._lock:
            self._closing = True
            open_now = dict(self._connections)
        _shut_down(self._listener)
        if self._acceptor.is_alive():
            self._acceptor.join()
        self._listener.close()
        for connection in open_now.values():
            _shut_down(connection, socket.SHUT_RD)
        for thread, connection in open_now.items():
            thread.join(_LAST_ANSWERS_SECONDS)
            _shut_down(connection)
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                if self._closing:
                    return
                continue  # the peer gave up before we took it
            thread = threading.Thread(
                target=self._serve, args=(connection, address), name="receiver-connection", daemon=True
            )
            with self._lock:
                if self._closing:
                    connection.close()
                    return
                # TLS detaches a socket: what `close` shuts down is a descriptor of its own.
                self._connections[thread] = connection.dup()
                thread.start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        try:
            connection.settimeout(_IDLE_SECONDS)
            with connection, self._secured(connection) as stream:
                _Exchange(stream, address, self)  # type: ignore[arg-type]  # the handler only stores its server
        except OSError:
            pass  # the peer went away, spoke no TLS, or we are closing: there is nobody to tell
        finally:
            with self._lock:
                self._connections.pop(threading.current_thread()).close()

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        return self._tls.wrap_socket(connection, server_side=True)

    @property
    def max_body_bytes(self) -> int:
        """Return the limit on a body as sent."""
        return self._max_body_bytes

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        return self._respond(request)


def _shut_down(connection: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    with contextlib.suppress(OSError):  # it was closed already
        connection.shutdown(how)


class _Exchange(BaseHTTPRequestHandler):
    """One connection: reads each request whole, then writes each answer at once."""

    protocol_version = "HTTP/1.1"
    server_version = "sts-agent-receiver"
    sys_version = ""
    wbufsize = -1  # an answer is one write: two small ones would wait for each other (Nagle)

    def do_GET(self) -> None:
        """Answer; the name is the one `http.server` calls."""
        self._exchange()

    do_POST = do_GET  # noqa: N815 - the names that http.server calls
    do_PUT = do_GET  # noqa: N815
    do_DELETE = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815

    def handle_expect_100(self) -> bool:
        """Say at once that the body may come; our output is buffered."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _exchange(self) -> None:
        server: HttpServer = self.server  # type: ignore[assignment]  # see HttpServer._serve
        try:
            body = self._read_body(server.max_body_bytes)
        except TooLargeError:
            body = None
            self.close_connection = True
        except ValueError:
            self._answer(Reply(400, b"Malformed request", "text/plain"))
            self.close_connection = True
            return
        address = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=address.path,
            query=dict(parse_qsl(address.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        self._answer(server.respond(request))

    def _answer(self, reply: Reply) -> None:
        if reply.cut:
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _read_body(self, limit: int) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunked(limit)
        length = int(self.headers.get("Content-Length", "0"))
        if length > limit:
            self._discard(min(length, 4 * limit))
            raise TooLargeError
        return self._read_exactly(length)

    def _read_chunked(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            length = int(self.rfile.readline(_CHUNK_LINE_BYTES).split(b";")[0], 16)
            if length == 0:
                break
            size += length
            if size > limit:
                raise TooLargeError
            parts.append(self._read_exactly(length))
            self.rfile.readline(_CHUNK_LINE_BYTES)
        while self.rfile.readline(_CHUNK_LINE_BYTES).strip():
            pass  # trailers
        return b"".join(parts)

    def _read_exactly(self, length: int) -> bytes:
        data = self.rfile.read(length)
        if len(data) != length:
            raise ConnectionResetError("the request ended too early")
        return data

    def _discard(self, length: int) -> None:
        """Read on, so that the answer is not lost in a reset of the connection."""
        while length > 0:
            data = self.rfile.read(min(length, 65_536))
            if not data:
                return
            length -= len(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name it overrides
        """Stay quiet: the path of a request may hold a key."""
