"""What one owner of records asked to have remembered, as it reads it: from any thread, as of the last commit."""

from collections.abc import Callable, Iterator
from functools import partial

from spool.errors import DamagedRow
from spool.memory import Reading, encode_key, fetch, page_through, row_checksum, text_checksum


class SpoolMemory:
    """One owner's memory as of the last committed append; any thread may read it."""

    def __init__(
        self,
        owner: str,
        reading: Reading,
        on_damage: Callable[[str], None],
        has_room: Callable[[int], bool],
    ) -> None:
        self._owner = owner
        self._reading = reading
        self._on_damage = on_damage
        self.has_room = has_room
        """Whether so many bytes more fit into the share of what is remembered, as of the last commit."""

    def get(self, key: str) -> bytes | None:
        """Return the value of one key, or None."""
        stored = encode_key(key)
        statement = "SELECT value, crc FROM memory WHERE owner = ? AND key = ?"
        rows = self._reading(partial(fetch, statement, (self._owner, stored)))
        if not rows:
            return None
        value, crc = rows[0]
        if not isinstance(value, bytes) or row_checksum(self._owner, stored, value) != crc:
            self._on_damage(self._owner)
            return None
        return value

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
        try:
            for key, value, _ in page_through(self._reading, self._owner, encode_key(prefix)):
                yield key.decode("utf-8", "surrogateescape"), value
        except DamagedRow:
            self._on_damage(self._owner)
