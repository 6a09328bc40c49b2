"""One connection that is asked again and again for the same, without what a library does anew for each request.

The library makes the connection, and writes each head once: from then on it is known but for the digits of its length. What is read
of an answer is `http.client`'s. Nothing here goes through a proxy, follows, retries or decodes anything.
"""

from collections.abc import Mapping
from contextlib import suppress
from http.client import IncompleteRead
from typing import Any

from agent.http.deadline import Deadline
from agent.http.plain_requests import HTTPConnection, HTTPResponse

_LENGTH = "Content-Length"
_LENGTH_LINE = b"\r\nContent-Length: "


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


class DirectAnswer:
    """An answer of which the head was read."""

    def __init__(self, connection: HTTPConnection, read: HTTPResponse) -> None:
        self._connection = connection
        self._read = read
        self.status = read.status

    @property
    def headers(self) -> dict[str, str]:
        """Return its headers; of one that came several times all values, with commas between."""
        found: dict[str, str] = {}
        names: dict[str, str] = {}
        for name, value in self._read.headers.items():
            first = names.setdefault(name.lower(), name)
            found[first] = f"{found[first]}, {value}" if first in found else value
        return found

    def read(self, size_bytes: int, *, decode_content: bool) -> bytes:
        """Return so much of its body, or all of it; raises what the library does where it ends too early."""
        del decode_content  # it was asked to come as it is
        content = self._read.read(size_bytes)
        if len(content) < size_bytes and self._read.length:
            raise IncompleteRead(content, self._read.length)
        return content

    def close(self) -> None:
        """End it; the connection stays open where nothing more of the answer can come."""
        if not self._read.isclosed():
            self._read.close()
            self._connection.close()


class Direct:
    """A connection to one side, made by whoever asks first after it was closed; one request at a time."""

    def __init__(self, connection: HTTPConnection, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._known: tuple[str, ...] = ()
        self._head = (b"", b"")

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, timeout_seconds: float
    ) -> DirectAnswer:
        """Return the answer once its head came; raises what sockets, TLS and `http.client` raise."""
        connection = self._connection
        head = self._head_of(method, path, headers)
        if connection.sock is not None and not connection.is_connected:
            connection.close()
        if connection.sock is None:
            connection.connect()
        else:
            self._deadline.adopt(connection.sock)
        self._deadline.sending = True
        sock: Any = connection.sock
        sock.settimeout(timeout_seconds)
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # it may have answered before it had all, and said why
            sock.sendall(head + body if body else head)
        read = WholeHead(sock, method=method)
        try:
            read.begin()
        except BaseException:
            read.close()
            raise
        if read.will_close:
            connection.close()  # what is left of the answer can still be read
        return DirectAnswer(connection, read)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _head_of(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        length = headers.get(_LENGTH, "")
        same = [f"{name}:{value}" for name, value in headers.items() if name != _LENGTH]
        known = (method, path, "with a body" if length else "", *same)
        if known != self._known:
            written = _Written(self._connection)
            written.request(method, path, headers=headers)
            before, line, behind = written.head.partition(_LENGTH_LINE)
            self._head = (before + line, behind.removeprefix(length.encode()))
            self._known = known
        before, behind = self._head
        return b"%b%b%b" % (before, length.encode(), behind)
