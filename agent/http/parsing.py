"""Bytes into requests: llhttp reads the grammar, this module holds what it leaves open.

llhttp bounds no header and goes on to the next request within one feed. Whatever comes, `read` holds whole
requests in their order, then at most one refusal, after which nothing is read any more.
"""

from collections import deque
from http import HTTPStatus

import httptools
import msgspec

from agent.http.head import Head, Whole, make_head, problem_of
from agent.http.known_heads import Beginning, KnownHead, KnownHeads
from agent.http.limits import Limits
from agent.http.message import Peer, Refusal

_HEADER_OVERHEAD_BYTES = 4  # the colon, the blank and the end of the line


class Parser:
    """One connection's bytes. `feed` what came; take what is whole from `read`."""

    def __init__(self, limits: Limits, peer: Peer, heads: KnownHeads | None = None) -> None:
        self._heads = heads or KnownHeads()
        self._begun: Beginning | None = None
        self._known: KnownHead | None = None
        self.read: deque[Whole | Refusal] = deque()
        self._limits = limits
        self._peer = peer
        self._llhttp: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._barren = 0
        self._expects = False
        self._length: int | None = 0
        self.on_message_begin()
        self.has_begun = False

    def feed(self, data: bytes) -> None:
        """Read on; nothing is raised for what is in `data`."""
        if self._llhttp is None:
            return
        if not self.has_begun and (found := self._heads.find(data)) is not None:
            self._begun, known = found
            _, head_bytes, digits = self._begun
            length = int(digits)
            if known is not None and length <= self._limits.body_bytes:
                if len(data) == head_bytes + length:  # as a single event comes: nothing is left to be read
                    self._begun = None
                    self.read.append(known.with_body(digits, data[head_bytes:], self._peer))
                    return
                self._known, self.has_begun, self._length = known, True, length
                data = data[head_bytes:]
        if self._known is None:
            self._read_on(self._llhttp, data)
        elif rest := self._take_body(data, self._known):
            self.feed(rest)

    def _take_body(self, data: bytes, known: KnownHead) -> bytes:
        """Take the body of a request whose head is known; return what is behind it."""
        left = (self._length or 0) - self.received
        body, rest = (data, b"") if len(data) <= left else (data[:left], data[left:])
        self._body.append(body)
        self.received += len(body)
        if self.received == self._length and self._begun is not None:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self.read.append(known.with_body(self._begun[2], body, self._peer))
            self._end_request()
        return rest

    def _read_on(self, llhttp: httptools.HttpRequestParser, data: bytes) -> None:
        """Have the grammar read what came."""
        self._barren += len(data)
        try:
            llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end_with_the_last()
        except httptools.HttpParserError as error:
            if not self._has_the_last():
                self._refuse(HTTPStatus.BAD_REQUEST, f"this is no HTTP request: {error}")
        if self._barren > self._limits.head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too many bytes that are no request")

    def close(self) -> None:
        """Read nothing any more; this also ends the circle of references with llhttp."""
        self._llhttp = None

    @property
    def missing(self) -> int | None:
        """Return how many bytes the body still lacks; None where that is not known."""
        if (self._head is None and self._known is None) or self._length is None:
            return None
        return self._length - self.received

    @property
    def expected(self) -> int:
        """Return how long the body is at most."""
        return self._limits.body_bytes if self._length is None else self._length

    def take_expectation(self) -> bool:
        """Return whether the client waits to be told to send its body; true once a request."""
        waits, self._expects = self._expects, False
        return waits

    def on_message_begin(self) -> None:
        """Begin a request; this and what follows is called by llhttp."""
        self.has_begun = True
        self.received = 0
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._head_bytes = 0
        self._head: Head | None = None
        self._length = 0
        self._body: list[bytes] = []
        self._expects = False

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._target += url
        self._head_bytes += len(url)
        if self._head_bytes > self._limits.head_bytes:
            self._refuse_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer only counts."""
        self._head_bytes += len(name) + len(value) + _HEADER_OVERHEAD_BYTES
        if self._head_bytes > self._limits.head_bytes or len(self._headers) >= self._limits.header_count:
            self._refuse_head()
        if self._head is None:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Decide by the head, before any of its body is read."""
        llhttp = self._llhttp
        if llhttp is None:
            return
        method, target = llhttp.get_method().decode("latin-1"), self._target.decode("latin-1")
        self._head = head = make_head(method, llhttp.get_http_version(), target, self._headers)
        self._length, self._expects, self._barren = head.body_length, head.expects_to_be_asked, 0
        local_only = not self._limits.any_host and self._peer.uid is None
        if problem := problem_of(head, local_only=local_only):
            self._refuse(*problem)
        elif self.expected > self._limits.body_bytes:
            self._refuse_large()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._barren = 0
        self.received += len(body)
        if self.received > self._limits.body_bytes:
            self._refuse_large()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Put the request together."""
        if self._llhttp is None or self._head is None:
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        whole = self._head.whole(body, self._peer)
        self.read.append(whole)
        if self._begun is not None:
            self._heads.remember(self._begun[0], whole)
        self._end_request()

    def _end_request(self) -> None:
        self.on_message_begin()  # nothing in here may hold on to a body that is being answered
        self.has_begun, self._barren = False, 0
        self._begun = self._known = None

    def _refuse_head(self) -> None:
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too large")

    def _has_the_last(self) -> bool:
        """Return whether what llhttp stumbled over came after a request that was to be the last."""
        last = self.read[-1] if self.read else None
        return isinstance(last, Whole) and not last.keep_alive

    def _end_with_the_last(self) -> None:
        """Answer a request for another protocol as if it were none, and read nothing after it."""
        self._llhttp = None
        if self.read and isinstance(last := self.read[-1], Whole):
            self.read[-1] = msgspec.structs.replace(last, keep_alive=False)

    def _refuse_large(self) -> None:
        limit = self._limits.body_bytes
        self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes")

    def _refuse(self, status: int, reason: str) -> None:
        if self._llhttp is not None:
            head = self._head.request(b"", self._peer) if self._head else None
            self._llhttp, self._body = None, []
            self.read.append(Refusal(status, reason, head))
