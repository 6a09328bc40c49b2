"""When is a JSON object or list whole? Sensu's client socket has no other end of a message.

Looks at each byte once, however small the pieces are in which they come. It does not check the JSON.
"""

import re

_MARKS = re.compile(rb'["\\\[\]{}]')
_SPACE = b" \t\r\n"
PING = b"ping"


class WholeJson:
    """One message as it comes in."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._depth = 0
        self._in_text = False
        self._escaped_at = -1
        self.is_whole = False
        """Whether the outermost object or list is closed."""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        start = len(self.data)
        self.data += piece
        for mark in _MARKS.finditer(self.data, start):
            at = mark.start()
            if at != self._escaped_at:
                self._take(mark[0], at)

    def _take(self, mark: bytes, at: int) -> None:
        if mark == b"\\":
            self._escaped_at = at + 1 if self._in_text else -1
        elif mark == b'"':
            self._in_text = not self._in_text
        elif not self._in_text:
            self._depth += 1 if mark in b"[{" else -1
            self.is_whole = self.is_whole or self._depth <= 0

    @property
    def text(self) -> bytes:
        """Return what came, without the white space around it."""
        return bytes(self.data.strip(_SPACE))

    @property
    def is_ping(self) -> bool:
        """Whether it asks only whether somebody is there."""
        return self.data.strip(_SPACE) == PING

    @property
    def is_hopeless(self) -> bool:
        """Whether it can never become a message: neither JSON that is taken, nor the beginning of a ping.

        So the request of a browser is refused at its first byte, whatever its body is.
        """
        begin = bytes(self.data[:64].lstrip(_SPACE)[: len(PING)])
        return bool(begin) and begin[:1] not in b"{[" and not PING.startswith(begin)
