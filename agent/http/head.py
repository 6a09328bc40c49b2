"""The head of a request: what it says, and whether anything may follow from it. Pure.

llhttp has read it by the grammar; what the grammar leaves open is decided here.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec

from agent.http.message import Peer, Request

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_VERSIONS = frozenset({"1.0", "1.1"})
_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


class Whole(msgspec.Struct, frozen=True):
    """A request that came whole, its body as sent, and how its answer is to be written."""

    request: Request
    encoding: str
    keep_alive: bool
    is_head: bool
    takes_chunks: bool


class Head(msgspec.Struct, frozen=True):
    """The request line and the headers, names in small letters."""

    method: str
    version: str
    target: str
    headers: tuple[tuple[str, str], ...]

    fields: Mapping[str, str]
    """The same by name, the values of one name joined by a comma."""

    def one(self, name: str) -> str:
        """Return the values of a header as one; empty without any."""
        return self.fields.get(name, "")

    def count(self, name: str) -> int:
        """Return how often a header is there."""
        value = self.fields.get(name)
        if value is None:
            return 0
        # Only several are joined by a comma.
        return sum(key == name for key, _ in self.headers) if "," in value else 1

    @property
    def body_length(self) -> int | None:
        """Return how long the body says it is; None when it comes in chunks."""
        return None if self.one("transfer-encoding") else int(self.one("content-length") or 0)

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to go on with this connection."""
        said = self.one("connection")
        if not said:
            return self.version == "1.1"
        wishes = {wish.strip().lower() for wish in said.split(",")}
        return "close" not in wishes if self.version == "1.1" else "keep-alive" in wishes

    @property
    def expects_to_be_asked(self) -> bool:
        """Whether the client waits with its body until it is told to go on."""
        return self.version == "1.1" and self.one("expect").lower() == "100-continue"

    @property
    def authority(self) -> str | None:
        """Return the host of a target that is a whole URL, as a proxy gets it."""
        absolute = None if self.target.startswith("/") else _ABSOLUTE.fullmatch(self.target)
        return absolute[1] if absolute else None

    def request(self, body: bytes, peer: Peer) -> Request:
        """Return what is asked, as those who answer see it."""
        absolute = None if self.target.startswith("/") else _ABSOLUTE.fullmatch(self.target)
        path, _, query = ((absolute[2] or "/") if absolute else self.target).partition("?")
        method = "GET" if self.method == "HEAD" else self.method
        return Request(method, self.target, path, query, self.headers, body, peer)

    def whole(self, body: bytes, peer: Peer) -> Whole:
        """Return the same with how its answer is to be written."""
        return Whole(
            self.request(body, peer),
            self.one("content-encoding"),
            self.keep_alive,
            self.method == "HEAD",
            self.version == "1.1",
        )


def make_head(method: str, version: str, target: str, headers: Sequence[tuple[str, str]]) -> Head:
    """Return a head of what was read, names in small letters."""
    fields: dict[str, str] = {}
    for name, value in headers:
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return Head(method, version, target, tuple(headers), fields)


def problem_of(head: Head, *, local_only: bool) -> tuple[int, str] | None:
    """Return status and reason why a request goes no further, or None."""
    coding = head.one("transfer-encoding").lower()
    hosts = head.count("host")
    if head.one("upgrade") and head.body_length != 0:  # llhttp would take the body for the other protocol
        return HTTPStatus.BAD_REQUEST, "a request that asks for another protocol has no body"
    if head.method not in _METHODS or head.version not in _VERSIONS:
        return HTTPStatus.NOT_IMPLEMENTED, "this server speaks HTTP/1.1 and its usual methods"
    if coding and (coding != "chunked" or head.version != "1.1"):
        return HTTPStatus.BAD_REQUEST, "a body is sent with its Content-Length, or in chunks"
    if hosts > 1 or (not hosts and head.version == "1.1"):
        return HTTPStatus.BAD_REQUEST, "a request has exactly one Host"
    if not local_only:
        return None
    named = (
        *((head.one("host"),) if hosts else ()),
        *((head.authority,) if head.authority is not None else ()),
    )
    if not all(_LOCAL_HOST.fullmatch(host) for host in named):
        return HTTPStatus.FORBIDDEN, "this port is for programs on this host; use Host: localhost"
    if "origin" in head.fields:
        return HTTPStatus.FORBIDDEN, "this port is not for web pages"
    return None
