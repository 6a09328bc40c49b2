"""What a stand-in answers, and the encodings it reads: no raw deflate, and nothing after a stream. Pure."""

import zlib
from collections.abc import Mapping

import msgspec

from agent.http.message import Response


class Reply(msgspec.Struct, frozen=True):
    """What to answer; `cut` closes the connection without any answer."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    cut: bool = False

    def response(self) -> Response | None:
        """Return it as the server takes it."""
        if self.cut:
            return None
        return Response(self.status, self.body, self.content_type, tuple(self.headers.items()))


def decode(body: bytes, encoding: str, limit: int) -> bytes | None:
    """Return the body without its encoding, or None when it would be larger than `limit` bytes.

    Raises `KeyError` for an unknown encoding and `zlib.error` for a corrupt or unfinished stream.
    """
    if encoding == "identity":
        return body if len(body) <= limit else None
    inflator = zlib.decompressobj({"deflate": 15, "gzip": 31}[encoding])
    decoded = inflator.decompress(body, limit + 1)
    if len(decoded) > limit:
        return None
    if not inflator.eof or inflator.unused_data:
        raise zlib.error("not one whole stream")
    return decoded


def text(status: int, words: str, headers: dict[str, str] | None = None) -> Reply:
    """Return an answer in plain text."""
    return Reply(status, words.encode(), "text/plain; charset=UTF-8", headers or {})
