"""HTTP/1.1 on one connection: a request read within limits of size and time, an answer written.

Knows no path and no event. Whatever a client sends, or fails to send, costs at most `Limits`.
"""

import socket
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

_END_OF_HEAD = b"\r\n\r\n"
_MAX_CHUNK_LINE = 1024
_HELD_AT_MOST, _MAX_RECEIVED = 4 * 1024, 256 * 1024
"""What is taken in at once: of a head with whatever follows it, and of a body."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost; times are for the whole of the part they name."""

    head_bytes: int = 16 * 1024
    body_bytes: int = 1024 * 1024
    """As sent, and again after decompression."""
    idle_seconds: float = 30
    head_seconds: float = 10
    body_seconds: float = 20
    answer_seconds: float = 10


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its body decoded; header names are in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):  # noqa: N818 - an answer, raised where the request stops making sense
    """A request that cannot be taken; the connection ends with the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    def answer(self) -> Answer:
        """Return it in HTTP."""
        return Answer(self.status, self.reason.encode() + b"\n", "text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Head:
    """The request line and the headers."""

    method: str
    path: str
    query: str
    version: str
    headers: Mapping[str, str]

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to go on with this connection."""
        wish = self.headers.get("connection", "").lower()
        return wish == "keep-alive" if self.version == "HTTP/1.0" else wish != "close"


def parse_head(text: bytes) -> Head:
    """Return what a head says, without its empty last line; raises `Refused`."""
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):  # noqa: PLR2004 - method, target, version
        raise Refused(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Refused(HTTPStatus.BAD_REQUEST, "a header is no `name: value`")
        name = name.lower()
        if name in headers and name in ("content-length", "transfer-encoding"):
            raise Refused(HTTPStatus.BAD_REQUEST, f"{name} is given twice")
        headers[name] = value.strip()
    path, _, query = words[1].partition("?")
    return Head(words[0], path, query, words[2], headers)


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the body without its Content-Encoding, at most `limit` bytes; raises `Refused`."""
    match encoding.lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip" | "deflate":
            inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either wrapping, told by its first bytes
        case _:
            raise Refused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"cannot decode {encoding}; send gzip or deflate"
            )
    try:
        data = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not {encoding}: {error}") from error
    if len(data) > limit:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes")
    if not inflater.eof:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body ends in the middle of its {encoding}")
    return data


class Wire:
    """One connection. `read` and `write` in turn, from one thread."""

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._held = bytearray()

    def read(self) -> Request | None:
        """Return the next request; None when the client is done or silent; raises `Refused`, `OSError`."""
        limits = self._limits
        if not self._held and not self._wait(limits.idle_seconds):
            return None
        head = parse_head(
            self._until(_END_OF_HEAD, limits.head_bytes, time.monotonic() + limits.head_seconds)
        )
        body = self._body(head.headers, time.monotonic() + limits.body_seconds)
        body = decoded(body, head.headers.get("content-encoding", ""), limits.body_bytes)
        return Request(head.method, head.path, head.query, head.headers, body, head.keep_alive)

    def write(self, answer: Answer, *, keep_alive: bool) -> None:
        """Send an answer; raises `OSError`."""
        lines = [
            f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
            f"Content-Length: {len(answer.body)}",
            f"Content-Type: {answer.content_type}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        if not keep_alive:
            lines.append("Connection: close")
        self._connection.settimeout(self._limits.answer_seconds)
        self._connection.sendall("\r\n".join(lines).encode("latin-1") + _END_OF_HEAD + answer.body)

    def _body(self, headers: Mapping[str, str], deadline: float) -> bytes:
        length = headers.get("content-length")
        coding = headers.get("transfer-encoding", "").lower()
        if coding and (length is not None or coding != "chunked"):
            raise Refused(HTTPStatus.BAD_REQUEST, "send either a Content-Length or chunks")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
        if int(length or 0) > self._limits.body_bytes:
            raise self._too_large()
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.settimeout(self._limits.answer_seconds)
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._chunks(deadline) if coding else self._exactly(int(length or 0), deadline)

    def _chunks(self, deadline: float) -> bytes:
        body = bytearray()
        while True:
            line = self._until(b"\r\n", _MAX_CHUNK_LINE, deadline)
            try:
                length = int(line.partition(b";")[0], 16)
            except ValueError:
                raise Refused(HTTPStatus.BAD_REQUEST, "a chunk has no length") from None
            if length < 0 or len(body) + length > self._limits.body_bytes:
                raise self._too_large()
            if length == 0:
                while self._until(b"\r\n", _MAX_CHUNK_LINE, deadline):
                    pass  # trailers say nothing to us
                return bytes(body)
            body += self._exactly(length, deadline)
            self._exactly(2, deadline)

    def _until(self, end: bytes, limit: int, deadline: float) -> bytes:
        searched = 0
        while (found := self._held.find(end, searched)) < 0:
            if len(self._held) > limit:
                raise Refused(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head of more than {limit} bytes"
                )
            searched = max(0, len(self._held) - len(end) + 1)
            self._held += self._more(deadline, _HELD_AT_MOST)
        part = bytes(self._held[:found])
        del self._held[: found + len(end)]
        return part

    def _exactly(self, length: int, deadline: float) -> bytes:
        parts = [bytes(memoryview(self._held)[:length])]
        del self._held[:length]
        missing = length - len(parts[0])
        while missing:  # past what is held: a large body is copied once
            parts.append(self._more(deadline, min(missing, _MAX_RECEIVED)))
            missing -= len(parts[-1])
        return b"".join(parts)

    def _more(self, deadline: float, size: int) -> bytes:
        data = self._receive(deadline - time.monotonic(), size)
        if not data:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, "the request did not come whole in time")
        return data

    def _wait(self, timeout_seconds: float) -> bool:
        """Take in what comes; False when nothing does in time, or when the client is done."""
        data = self._receive(timeout_seconds, _HELD_AT_MOST)
        self._held += data
        return bool(data)

    def _receive(self, timeout_seconds: float, size: int) -> bytes:
        if timeout_seconds <= 0:
            return b""
        self._connection.settimeout(timeout_seconds)
        try:
            return self._connection.recv(size)
        except TimeoutError:
            return b""

    def _too_large(self) -> Refused:
        limit = self._limits.body_bytes
        return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes")
