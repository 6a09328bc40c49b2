"""What one server may be made to spend; times are for the whole of the part they name.

Values only. Who checks what: `parsing` the sizes, `wire` the times, `connections` the places.
"""

import msgspec

SMALL_BODY_BYTES = 64 * 1024
"""So much of a body every connection may hold; more needs a share of the budget."""


class Limits(msgspec.Struct, frozen=True):
    """The bounds of one server."""

    connections: int = 64
    head_bytes: int = 16 * 1024
    header_count: int = 100
    body_bytes: int = 1024 * 1024
    """As sent, and again after decompression."""
    idle_seconds: float = 30
    """How long a connection may wait for its next request."""
    request_seconds: float = 15
    """From the first byte of a request to its last."""
    answer_seconds: float = 10
    """For the client to take the answer, or a piece of one that is streamed."""
    share_seconds: float = 10
    """How long a request waits for its share of the budget before it gets 503."""
    any_host: bool = False
    """On TCP: take any Host and Origin, not only those of programs on this machine."""
    decode: bool = True
    """Whether the answering side gets the body without its Content-Encoding."""
