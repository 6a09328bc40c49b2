"""One connection: requests read within limits of time and size, answers written.

Knows no path. One thread reads and writes in turn; it blocks in the kernel and wakes for nothing else.
"""

import math
import socket
import struct
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus

from agent.http.head import Whole
from agent.http.known_heads import KnownHeads
from agent.http.limits import SMALL_BODY_BYTES, Limits
from agent.http.message import Peer, Refusal, Response
from agent.http.parsing import Parser

_MOST_AT_ONCE, _MOST_OF_A_BODY = 4 * 1024, 256 * 1024
"""What is received at once: of heads with whatever follows them, and of a body whose length is known."""
_LATE = 1.01
"""A wait may end so much later than it should, as one that is set already."""
_DRAINED_BYTES, _DRAINED_SECONDS = 4 * 1024 * 1024, 2.0
_IN_CHUNKS, _TO_THE_END = -1, -2
"""In place of a body's length: it comes in chunks, or ends with the connection."""
_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

MakeRoom = Callable[[int], bool]
"""Asked for so many bytes of a large body, before they are read; False refuses it with 503."""


class Wire:
    """One connection. `read` and `write` in turn, from one thread."""

    def __init__(
        self, connection: socket.socket, limits: Limits, peer: Peer, heads: KnownHeads | None = None
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._parser = Parser(limits, peer, heads)
        self._is_plain = type(connection) is socket.socket
        """Whether the kernel itself can wait for it with a timeout, as it cannot for TLS: that is one system call, not three."""
        self._kernel_waits = False
        """Whether it does now, and not Python."""
        self._waits = 0.0
        """For how many seconds it waits, or Python does."""
        self._most_seconds = min(limits.idle_seconds, limits.request_seconds)
        """One wait is no longer, so that it is the same for the beginning of a request and for its body: to change it is a system call."""

    def read(self, make_room: MakeRoom = lambda _: True) -> Whole | Refusal | None:
        """Return the next request; None when the client is done or silent; raises `OSError`."""
        parser = self._parser
        if not parser.read and not parser.has_begun:  # as nearly always, and then all of it comes at once
            data = self._receive(self._limits.idle_seconds, _MOST_AT_ONCE)
            if not data:
                return None
            parser.feed(data)
        return parser.read.popleft() if parser.read else self._read_on(make_room)

    def _read_on(self, make_room: MakeRoom) -> Whole | Refusal | None:
        """Read until there is a request, of which a part may have come."""
        parser = self._parser
        has_begun = has_room = False
        deadline = time.monotonic() + self._limits.idle_seconds
        while not parser.read:
            if parser.has_begun and not has_begun:
                has_begun = True
                deadline = time.monotonic() + self._limits.request_seconds
            if parser.take_expectation():
                self._send(_CONTINUE)
            if parser.received >= SMALL_BODY_BYTES and not has_room:
                has_room = make_room(parser.expected)
                if not has_room:
                    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many large bodies at once")
            size, flags = self._size(has_room=has_room)
            data = self._receive(deadline - time.monotonic(), size, flags)
            if not data:
                return self._cut_off() if parser.has_begun else None
            parser.feed(data)
        return parser.read.popleft()

    def write(self, response: Response, whole: Whole | None = None, *, keep_alive: bool = False) -> None:
        """Send the answer to a request, or to what was none; raises `OSError`, or what the body raises."""
        body = response.body
        takes_chunks = whole is None or whole.takes_chunks
        length = len(body) if isinstance(body, bytes) else (_IN_CHUNKS if takes_chunks else _TO_THE_END)
        goes_on = ("" if takes_chunks else "keep-alive") if keep_alive else "close"
        head = _head(response.status, response.content_type, response.headers, length, goes_on)
        if (whole is not None and whole.is_head) or response.status in _NO_BODY:
            body = _closed(body)
        if isinstance(body, bytes):
            self._send(head + body)
        else:
            self._stream(head, body, takes_chunks=takes_chunks)

    def drain(self) -> None:
        """Read on for a while, so that an answer to what was not read is not lost in a reset."""
        self._parser.close()
        try:
            self._connection.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + _DRAINED_SECONDS
            left = _DRAINED_BYTES
            while left > 0 and (data := self._receive(deadline - time.monotonic(), _MOST_OF_A_BODY)):
                left -= len(data)
        except OSError:
            pass  # it is gone, with or without the answer

    def close(self) -> None:
        """End reading; the connection is its owner's to close."""
        self._parser.close()

    def _cut_off(self) -> Refusal:
        self._parser.close()
        return Refusal(HTTPStatus.REQUEST_TIMEOUT, "the request did not come whole in time")

    def _size(self, *, has_room: bool) -> tuple[int, int]:
        """Return how much to receive, and whether to wait for all of it.

        Past a head no more than its body: what follows is taken in small pieces, which bounds how many
        requests wait here unanswered. Of a body whose length is known the kernel waits for all, and each piece that comes wakes nobody here.
        """
        missing = self._parser.missing
        if missing is None:
            return _MOST_AT_ONCE, 0
        size = min(missing, _MOST_OF_A_BODY if has_room else SMALL_BODY_BYTES - self._parser.received)
        return size, socket.MSG_WAITALL if self._is_plain else 0

    def _receive(self, seconds: float, size: int, flags: int = 0) -> bytes:
        """Return what comes in time, nothing when nothing does or the client is done."""
        while seconds > 0:
            wait = min(seconds, self._most_seconds)
            if not self._kernel_waits or not wait <= self._waits <= wait * _LATE:
                self._wait_at_most(wait)
            try:
                return self._connection.recv(size, flags)
            except (TimeoutError, BlockingIOError):
                seconds -= wait
        return b""

    def _wait_at_most(self, seconds: float) -> None:
        """Have each `recv` from now on end in time."""
        self._waits = seconds
        if not self._is_plain:
            self._connection.settimeout(seconds)
            return
        if not self._kernel_waits:
            self._connection.settimeout(None)
            self._kernel_waits = True
        whole, rest = divmod(math.ceil(seconds * 100), 100)
        timeout = struct.pack("ll", whole, rest * 10_000)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)

    def _send(self, data: bytes) -> None:
        if self._kernel_waits:
            try:
                sent = self._connection.send(data, socket.MSG_DONTWAIT)  # as a rule a whole answer
            except BlockingIOError:
                sent = 0
            data = data[sent:]
            if not data:
                return
        self._kernel_waits = False
        self._connection.settimeout(self._limits.answer_seconds)
        self._connection.sendall(data)

    def _stream(self, head: bytes, body: Iterable[bytes], *, takes_chunks: bool) -> None:
        """Send piece by piece; a body that fails leaves its last chunk out, so that it never looks whole."""
        self._send(head)
        try:
            for piece in body:
                if piece:
                    self._send(b"%x\r\n%b\r\n" % (len(piece), piece) if takes_chunks else piece)
        finally:
            _closed(body)
        if takes_chunks:
            self._send(b"0\r\n\r\n")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


@lru_cache(maxsize=64)  # those of a program's requests are alike
def _head(
    status: int,
    content_type: str,
    headers: tuple[tuple[str, str], ...],
    length: int,
    goes_on: str,
) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {_phrase(status)}",
        f"Content-Type: {content_type}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    if length == _IN_CHUNKS:
        lines.append("Transfer-Encoding: chunked")
    elif length != _TO_THE_END and status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {length}")
    if goes_on:
        lines.append(f"Connection: {goes_on}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise ValueError("a header of the answer holds the end of a line")
    return text.encode("latin-1", "replace") + b"\r\n\r\n"


def _closed(body: bytes | Iterable[bytes]) -> bytes:
    """End a body that is not sent, or not sent any further; return what is sent in its place."""
    close = getattr(body, "close", None)
    if close is not None:
        close()
    return b""
