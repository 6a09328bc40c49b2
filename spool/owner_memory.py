"""What one owner of records asked to have remembered, as it reads it: from any thread, as of the last commit."""

from collections.abc import Callable, Iterator
from functools import partial

from spool.errors import DamagedRow
from spool.groups import PARTING
from spool.memory import encode_key
from spool.memory_rows import fetch, is_stored, page_through, text_checksum
from spool.trust import Trust


class SpoolMemory:
    """One owner's memory as of the last committed append; any thread may read it.

    Where it turns out to be damaged it is forgotten, and is empty from then on. `on_lost` is called at each look at it after that.
    """

    def __init__(self, trust: Trust, has_room: Callable[[int], bool], on_lost: Callable[[], object]) -> None:
        self._owner = trust.owner
        self._reading = trust.read
        self._trust = trust
        self.has_room = has_room
        """Whether so many bytes more fit into the share of what is remembered, as of the last commit."""
        self._on_lost = on_lost

    def get(self, key: str) -> bytes | None:
        """Return the value of one key, or None."""
        stored = encode_key(key)
        is_whole = PARTING not in stored or self._trust.covers(stored)
        statement = "SELECT value, crc FROM memory WHERE owner = ? AND key = ?"
        rows = self._reading(partial(fetch, statement, (self._owner, stored)))
        if not is_whole or (rows and not is_stored(self._owner, stored, *rows[0])):
            self._trust.lose()
            rows = []
        if self._trust.is_lost:
            self._on_lost()
        return rows[0][0] if rows else None

    def text(self, key: str) -> bytes | None:
        """Return the text that was remembered beside a key, if it is still there."""
        statement = "SELECT text, crc FROM texts WHERE owner = ? AND key = ?"
        stored = encode_key(key)
        rows = self._reading(partial(fetch, statement, (self._owner, stored)))
        whole = (
            rows
            and isinstance(rows[0][0], bytes)
            and text_checksum(self._owner, stored, rows[0][0]) == rows[0][1]
        )
        return rows[0][0] if whole else None

    def items(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield every key with this prefix and its value, in key order, a page at a time."""
        start = encode_key(prefix)
        is_whole = self._trust.covers(start)
        is_of_group = PARTING in start
        try:
            for key, value, _ in page_through(self._reading, self._owner, start) if is_whole else ():
                if not is_of_group and PARTING in key:
                    is_of_group, is_whole = True, self._trust.covers_all()
                    if not is_whole:
                        break
                yield key.decode("utf-8", "surrogateescape"), value
        except DamagedRow:
            is_whole = False
        if not is_whole:
            self._trust.lose()
        if self._trust.is_lost:
            self._on_lost()
