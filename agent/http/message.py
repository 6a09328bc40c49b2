"""What passes between the server and whoever answers: a request that came whole, and its answer.

Values only; how they are read and written is not known here.
"""

from collections.abc import Iterable
from http import HTTPStatus

import msgspec

PLAIN_TEXT = "text/plain; charset=utf-8"


class Peer(msgspec.Struct, frozen=True):
    """Who is on the other end: the process on a Unix socket (as the kernel says), the address on TCP."""

    address: str = ""
    """An IP address; empty on a Unix socket."""
    uid: int | None = None
    gid: int | None = None
    pid: int | None = None

    @property
    def crowd(self) -> str:
        """Return whose connections are counted together: those of one user, or of one address."""
        if self.uid is not None:
            return f"uid {self.uid}"
        return "loopback" if self.address.startswith("127.") or self.address == "::1" else self.address


class Request(msgspec.Struct, frozen=True):
    """One whole request; a HEAD comes as the GET it stands for, the server leaves the answer's body out."""

    method: str
    target: str
    """As it was sent, with the query."""
    path: str
    query: str
    headers: tuple[tuple[str, str], ...] = ()
    """In the order they came; names in small letters."""
    body: bytes = b""
    """Without its Content-Encoding, unless the limits say `decode=False`."""
    peer: Peer = Peer()

    def header(self, name: str, default: str = "") -> str:
        """Return the value of a header, several joined by a comma; `name` in small letters."""
        return ", ".join(value for key, value in self.headers if key == name) or default


class Response(msgspec.Struct, frozen=True):
    """What is answered. A body that is no bytes is sent piece by piece as it comes, and closed at the end."""

    status: int = HTTPStatus.OK
    body: bytes | Iterable[bytes] = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """Why the server does not even ask for an answer; the connection ends with it."""

    status: int
    reason: str
    request: Request | None = None
    """As far as it came, without its body; None when not even its head made sense."""

    def plain(self) -> Response:
        """Return it as text."""
        return Response(self.status, self.reason.encode() + b"\n", PLAIN_TEXT)
