"""One connection that is asked again and again for the same, without what a library does anew for each request.

The library makes the connection, and writes each head once: from then on it is known but for the digits of its length. Answers are read
by `http.client`, but for one that is the last one byte for byte up to its body: what it says is known. Nothing here goes through a proxy, follows,
retries or decodes anything.
"""

import io
import select
import socket
from contextlib import suppress
from http.client import IncompleteRead
from typing import Any, NamedTuple

from agent.http.deadline import Deadline
from agent.http.plain_requests import HTTPConnection, HTTPResponse, PreparedRequest

_LENGTH = "Content-Length"
_LENGTH_LINE = b"\r\nContent-Length: "
_MOST_AT_ONCE = 16 * 1024


class _WholeLines:
    """A stream of lines of which none is cut: the library takes the end of a connection for the end of a head."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._has_begun = False

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line; raises `ConnectionError` where the connection ended before it did."""
        line: bytes = self.stream.readline(limit)
        if not line.endswith(b"\n") and len(line) != limit and (line or self._has_begun):
            raise ConnectionError("the connection ended within the answer's head")
        self._has_begun = True
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class WholeHead(HTTPResponse):
    """An answer whose head came whole: half of one may lack the very line that says it is a web page."""

    def begin(self) -> None:
        """Read the head; raises `ConnectionError` where it was cut."""
        lines: Any = _WholeLines(self.fp)
        self.fp = lines
        super().begin()
        self.fp = lines.stream


class _Written(HTTPConnection):
    """Keeps what would be sent."""

    def __init__(self, of: HTTPConnection) -> None:
        super().__init__(of.host, of.port)
        self.default_port = of.default_port  # type: ignore[misc]  # of HTTPS, where it is that
        self.head = b""

    def send(self, data: Any) -> None:
        self.head += data


class _Begun(io.RawIOBase):
    """What is left of a stream, behind a piece of it that was read."""

    def __init__(self, piece: bytes, stream: Any) -> None:
        self._piece = piece
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int | None:
        piece = self._piece[: len(room)]
        if not piece:
            read: int | None = self._stream.readinto(room)
            return read
        room[: len(piece)] = piece
        self._piece = self._piece[len(piece) :]
        return len(piece)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _FromPiece(NamedTuple):
    """In place of a connection whose first piece of an answer was read."""

    sock: socket.socket
    piece: bytes

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return all of the answer, as a connection does; it holds the connection open until it is closed."""
        return io.BufferedReader(_Begun(self.piece, self.sock.makefile(mode, buffering=0)))  # type: ignore[call-overload]  # "rb"


class DirectAnswer:
    """An answer of which the head was read."""

    def __init__(self, connection: HTTPConnection, read: HTTPResponse) -> None:
        self._connection = connection
        self._read = read
        self.status = read.status
        self.headers = _headers_of(read)

    def read(self, size_bytes: int) -> bytes:
        """Return so much of its body, or all of it; raises what the library does where it ends too early."""
        content = self._read.read(size_bytes)
        if len(content) < size_bytes and self._read.length:
            raise IncompleteRead(content, self._read.length)
        return content

    def close(self) -> None:
        """End it; the connection stays open where nothing more of the answer can come."""
        if not self._read.isclosed():
            self._read.close()
            self._connection.close()


class KnownAnswer(NamedTuple):
    """An answer that came whole in one piece, and whose head is that of the one before."""

    head: bytes
    status: int
    headers: dict[str, str]
    length: int
    body: bytes = b""

    def is_of(self, piece: bytes) -> bool:
        """Return whether a piece is such an answer."""
        return len(piece) == len(self.head) + self.length and piece.startswith(self.head)

    def read(self, size_bytes: int) -> bytes:
        """Return so much of its body, or all of it."""
        return self.body[:size_bytes]

    def close(self) -> None:
        """Leave the connection open: nothing more of the answer can come."""


def _known(piece: bytes, answer: DirectAnswer, length: int) -> KnownAnswer | None:
    """Return what is known of the next answer that begins like this one; None unless a piece is one answer, and all of it."""
    end = piece.find(b"\r\n\r\n") + 4
    is_its_head = end > 4 and piece[8:13] == b" %d " % answer.status  # noqa: PLR2004 - and not that of a 100 before it
    if not is_its_head or len(piece) != end + length:
        return None
    return KnownAnswer(piece[:end], answer.status, answer.headers, length)


def _headers_of(read: HTTPResponse) -> dict[str, str]:
    """Return the headers of an answer; of one that came several times all values, with commas between."""
    found: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in read.headers.items():
        first = names.setdefault(name.lower(), name)
        found[first] = f"{found[first]}, {value}" if first in found else value
    return found


class Direct:
    """A connection to one side, made by whoever asks first after it was closed; one request at a time."""

    def __init__(self, connection: HTTPConnection, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._asked: PreparedRequest | None = None
        self._head = (b"", b"")
        self._early = select.poll()
        """Tells whether something came that nobody asked for, if only the end."""
        self._last: KnownAnswer | None = None

    def ask(self, request: PreparedRequest) -> DirectAnswer | KnownAnswer:
        """Return the answer once its head came; raises what sockets, TLS and `http.client` raise.

        A request that is the last one itself has its head, but for the length.
        """
        connection = self._connection
        head, body = self._head_of(request), request.body
        assert not isinstance(body, str)  # noqa: S101 - ours are bytes
        if connection.sock is not None and self._early.poll(0):
            connection.close()
        if connection.sock is None:
            self._connect()
        else:
            self._deadline.adopt(connection.sock)
        self._deadline.sending = True
        sock: Any = connection.sock
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # it may have answered before it had all, and said why
            sock.sendall(head + body if body else head)
        piece = sock.recv(_MOST_AT_ONCE)
        if (last := self._last) is not None and last.is_of(piece):
            return last._replace(body=piece[len(last.head) :])
        return self._read(str(request.method), _FromPiece(sock, piece))

    def _connect(self) -> None:
        self._connection.connect()
        sock: Any = self._connection.sock
        # The deadline ends whatever takes too long; a timeout would ask the kernel before each call whether to make it.
        sock.settimeout(None)
        self._early = select.poll()
        self._early.register(sock, select.POLLIN)

    def _read(self, method: str, begun: _FromPiece) -> DirectAnswer:
        """Have the library read an answer's head, and know it from now on if all of the answer is there."""
        read = WholeHead(begun, method=method)  # type: ignore[arg-type]  # it is asked for its file alone
        try:
            read.begin()
        except BaseException:
            read.close()
            raise
        answer = DirectAnswer(self._connection, read)
        self._last = (
            None if read.will_close or read.chunked else _known(begun.piece, answer, read.length or 0)
        )
        if read.will_close:
            self._connection.close()  # what is left of the answer can still be read
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _head_of(self, request: PreparedRequest) -> bytes:
        headers = request.headers
        length = headers.get(_LENGTH, "")
        if request is not self._asked:
            written = _Written(self._connection)
            written.request(str(request.method), request.path_url, headers=headers)
            before, line, behind = written.head.partition(_LENGTH_LINE)
            self._head = (before + line, behind.removeprefix(length.encode()))
            self._asked = request
        before, behind = self._head
        return b"%b%b%b" % (before, length.encode(), behind)
