"""Heads that came before, byte for byte but for the length of the body: what they say is known.

A program that posts says the same again and again. What was read by the grammar once, and let through, is not read
again: as each byte but the digits is the same, so is what llhttp and the rules make of it. Heads without a plain
Content-Length, and those that change how the connection goes on, are never known.
"""

import re

import msgspec

from agent.http.head import Whole
from agent.http.message import Peer, Request

_MOST_HEADS, _MOST_BYTES, _MOST_DIGITS = 64, 2048, 9
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([0-9]{1,%d})\r\n" % _MOST_DIGITS)
_LENGTH_NAME = "content-length"
_NEVER = frozenset({"expect", "upgrade", "transfer-encoding"})

Words = tuple[bytes, bytes]
"""A head before the digits of its Content-Length, and behind them."""

Beginning = tuple[Words, int, str]
"""The words of a whole head, how many bytes it has, and the digits of how many its body has."""


class KnownHead(msgspec.Struct, frozen=True):
    """A request that had this head, and its headers before the length and behind it."""

    words: Words
    whole: Whole
    before: tuple[tuple[str, str], ...]
    behind: tuple[tuple[str, str], ...]

    def with_body(self, length: str, body: bytes, peer: Peer) -> Whole:
        """Return the request that has another body, and comes from this peer."""
        whole, known = self.whole, self.whole.request
        headers = (*self.before, (_LENGTH_NAME, length), *self.behind)
        request = Request(known.method, known.target, known.path, known.query, headers, body, peer)
        return Whole(request, whole.encoding, whole.keep_alive, whole.is_head, whole.takes_chunks)


class KnownHeads:
    """Those of one server, which judges all clients alike; for any thread."""

    def __init__(self) -> None:
        self._known: dict[Words, KnownHead] = {}
        self._last: KnownHead | None = None

    def find(self, data: bytes) -> tuple[Beginning, KnownHead | None] | None:
        """Return how a request begins, and its head where that came before; None where `beginning_of` says it."""
        if (last := self._last) is not None:  # as nearly always
            before, behind = last.words
            start = len(before)
            stop = data.find(b"\r", start, start + _MOST_DIGITS + 1)
            digits = data[start:stop]
            if data.startswith(before) and data.startswith(behind, stop) and digits.isdigit():
                return (last.words, stop + len(behind), digits.decode()), last
        begun = beginning_of(data)
        if begun is None:
            return None
        self._last = known = self._known.get(begun[0])
        return begun, known

    def remember(self, words: Words, whole: Whole) -> None:
        """Know a head from now on, as far as it may be."""
        request = whole.request
        names = [name for name, _ in request.headers]
        if names.count(_LENGTH_NAME) != 1 or not _NEVER.isdisjoint(names) or not whole.keep_alive:
            return
        if len(self._known) >= _MOST_HEADS:
            self._known.clear()
        at = names.index(_LENGTH_NAME)
        same = msgspec.structs.replace(whole, request=msgspec.structs.replace(request, body=b""))
        self._known[words] = KnownHead(words, same, request.headers[:at], request.headers[at + 1 :])


def beginning_of(data: bytes) -> Beginning | None:
    """Return how a request begins, None where its head is not whole, is large, or has no plain length."""
    end = data.find(b"\r\n\r\n", 0, _MOST_BYTES) + 4
    found = _LENGTH.search(data, 0, end)
    if found is None:
        return None
    start, stop = found.span(1)
    return (data[:start], data[stop:end]), end, found[1].decode()
