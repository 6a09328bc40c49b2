"""A body without its Content-Encoding; a few bytes that would grow without end cost no more than the limit."""

import zlib
from http import HTTPStatus

from agent.http.message import Refusal

_MOST_GROWTH = 1032
"""Deflate's: no byte of it can become more."""
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class DecodingError(Exception):
    """The body cannot be read as what it is said to be; `refusal` is the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.refusal = Refusal(status, reason)


def decoded(body: bytes, encoding: str, limit: int, *, strict: bool = False) -> bytes:
    """Return the body decoded, at most `limit` bytes; raises `DecodingError`.

    Strict is as the pickiest receiver reads: `gzip` and `deflate` as the standard says them, in one stream.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case ("gzip" | "deflate") as name if strict:
            return _inflated(body, _ZLIB if name == "deflate" else _GZIP, limit, streams=1)
        case _ if strict:
            raise DecodingError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"cannot decode {encoding}")
        case "gzip" | "x-gzip":
            return _inflated(body, _ZLIB if _is_zlib(body) else _GZIP, limit)
        case "deflate":
            return _inflated(body, _deflate_window(body), limit)
        case _:
            raise DecodingError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"cannot decode {encoding}; send gzip or deflate"
            )


def most_decoded(length: int, encoding: str, limit: int) -> int:
    """Return how many bytes a body of `length` may become at most."""
    if encoding.strip().lower() in ("", "identity"):
        return length
    return min(limit, length * _MOST_GROWTH)


def _is_zlib(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0


def _deflate_window(body: bytes) -> int:
    """Return how it is wrapped: the standard says zlib, some clients send the bare stream, some gzip."""
    if _is_zlib(body):
        return _ZLIB
    return _GZIP if body.startswith(b"\x1f\x8b") else _RAW


def _inflated(body: bytes, window: int, limit: int, streams: int | None = None) -> bytes:
    parts: list[bytes] = []
    left = limit
    while True:
        inflater = zlib.decompressobj(window)
        try:
            part = inflater.decompress(body, left + 1)
        except zlib.error as error:
            raise DecodingError(HTTPStatus.BAD_REQUEST, f"the body cannot be decompressed: {error}") from None
        left -= len(part)
        if left < 0:
            raise DecodingError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes decompressed"
            )
        if not inflater.eof:
            raise DecodingError(HTTPStatus.BAD_REQUEST, "the body ends in the middle of its compression")
        parts.append(part)
        body = inflater.unused_data
        if not body:
            return b"".join(parts)
        if window != _GZIP or len(parts) == streams:  # only gzip may be several streams, one after the other
            raise DecodingError(HTTPStatus.BAD_REQUEST, "something follows the compressed body")
