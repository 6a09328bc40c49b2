"""The head of a request: what it says, and whether anything may follow from it. Pure.

llhttp has read it by the grammar; what the grammar leaves open is decided here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from agent.http.message import Peer, Request

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_VERSIONS = frozenset({"1.0", "1.1"})
_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """The request line and the headers, names in small letters."""

    method: str
    version: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> Iterator[str]:
        """Yield the values of a header."""
        return (value for key, value in self.headers if key == name)

    def one(self, name: str) -> str:
        """Return the values of a header as one; empty without any."""
        return ", ".join(self.all(name))

    @property
    def body_length(self) -> int | None:
        """Return how long the body says it is; None when it comes in chunks."""
        return None if self.one("transfer-encoding") else int(self.one("content-length") or 0)

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to go on with this connection."""
        wishes = {wish.strip().lower() for wish in self.one("connection").split(",")}
        return "close" not in wishes if self.version == "1.1" else "keep-alive" in wishes

    @property
    def expects_to_be_asked(self) -> bool:
        """Whether the client waits with its body until it is told to go on."""
        return self.version == "1.1" and self.one("expect").lower() == "100-continue"

    @property
    def authority(self) -> str | None:
        """Return the host of a target that is a whole URL, as a proxy gets it."""
        absolute = _ABSOLUTE.fullmatch(self.target)
        return absolute[1] if absolute else None

    def request(self, body: bytes, peer: Peer) -> Request:
        """Return what is asked, as those who answer see it."""
        absolute = _ABSOLUTE.fullmatch(self.target)
        path, _, query = ((absolute[2] or "/") if absolute else self.target).partition("?")
        method = "GET" if self.method == "HEAD" else self.method
        return Request(method, self.target, path, query, self.headers, body, peer)


def problem_of(head: Head, *, local_only: bool) -> tuple[int, str] | None:
    """Return status and reason why a request goes no further, or None."""
    coding = head.one("transfer-encoding").lower()
    hosts = [*head.all("host")]
    if head.one("upgrade") and head.body_length != 0:  # llhttp would take the body for the other protocol
        return HTTPStatus.BAD_REQUEST, "a request that asks for another protocol has no body"
    if head.method not in _METHODS or head.version not in _VERSIONS:
        return HTTPStatus.NOT_IMPLEMENTED, "this server speaks HTTP/1.1 and its usual methods"
    if coding and (coding != "chunked" or head.version != "1.1"):
        return HTTPStatus.BAD_REQUEST, "a body is sent with its Content-Length, or in chunks"
    if len(hosts) > 1 or (not hosts and head.version == "1.1"):
        return HTTPStatus.BAD_REQUEST, "a request has exactly one Host"
    if not local_only:
        return None
    if head.authority is not None:
        hosts.append(head.authority)
    if not all(_LOCAL_HOST.fullmatch(host) for host in hosts):
        return HTTPStatus.FORBIDDEN, "this port is for programs on this host; use Host: localhost"
    if any(True for _ in head.all("origin")):
        return HTTPStatus.FORBIDDEN, "this port is not for web pages"
    return None
