"""What of an owner's memory has been found to be as it was stored, since the spool was opened.

A start reads the totals of all groups, and the rows that are in none: where these make up the owner's totals, each row is
accounted for, and none of a group has been read. All rows of a group are read, and held against its totals,
before one of them is believed. Where anything does not agree, every row of the owner is read: those alone say whether there is damage, and
totals of groups that do not agree with whole rows are made anew.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol

from spool.errors import DamagedRow, SpoolError
from spool.groups import PARTING, Totals, end_of, group_of, keeper_of
from spool.memory import count_all, load_totals, make_groups, total_of
from spool.memory_rows import AFTER_EVERY_KEY, Reading, Row, pages
from spool.quarantine import forget_damaged_memory
from spool.store import Store

log = logging.getLogger(__name__)


class Writing(Protocol):
    """Has one piece of work done in a transaction."""

    def __call__(self, run: Callable[[Store], None], /, *, durable: bool) -> None:
        """Return when it is committed; raise `SpoolError` where nothing of it was kept."""
        ...


class Trusts:
    """What is believed of each owner's memory; for any thread."""

    def __init__(self, reading: Reading, writing: Writing, wall: Callable[[], float]) -> None:
        self._lent = (reading, writing, wall)
        self._known: dict[str, Trust] = {}
        self._making = threading.Lock()

    def of(self, owner: str) -> "Trust":
        """Return what is believed of an owner's memory, which is forgotten where it is known to be damaged."""
        with self._making:
            trust = self._known.get(owner)
            if trust is None or trust.is_lost:
                trust = Trust(owner, *self._lent)
                if not trust.begins():
                    trust.lose()
                    trust = Trust(owner, *self._lent)
                self._known[owner] = trust
            return trust

    def note_lost(self, owners: Collection[str]) -> None:
        """Have those know who go by the memory of these owners, `*` for all of them, that it is gone."""
        for owner, trust in [*self._known.items()]:
            trust.is_lost |= owner in owners or "*" in owners


class Trust:
    """What is believed of one owner's memory."""

    def __init__(self, owner: str, reading: Reading, writing: Writing, wall: Callable[[], float]) -> None:
        self.owner = owner
        self.read = reading
        self._writing = writing
        self._wall = wall
        self._groups: set[bytes] = set()
        self._has_all = False
        self.is_lost = False
        """Whether it was forgotten because it is damaged: whoever went by it has to begin anew."""

    def lose(self) -> None:
        """Forget it whole: it is damaged."""
        self.is_lost = True
        log.error("what %s remembered is damaged: it begins with a new baseline", self.owner)
        now = self._wall()
        self._writing(lambda store: forget_damaged_memory(store, self.owner, now), durable=True)

    def begins(self) -> bool:
        """Return whether the memory may be gone by, as far as a start has to know."""
        groups = self.read(partial(_groups_that_add_up, owner=self.owner))
        if groups is None:
            return self._has_whole_rows()
        self._has_all = groups == 0
        return True

    def covers(self, key: bytes) -> bool:
        """Return whether the rows of the group that a key, or the beginning of one, is in are as they were stored."""
        group = group_of(key)
        if not group or self._has_all or self.is_lost or group in self._groups:
            return True
        if not self.read(partial(_is_whole_group, owner=self.owner, group=group)):
            return self._has_whole_rows()
        self._groups.add(group)
        return True

    def covers_all(self) -> bool:
        """Return whether every row is as it was stored."""
        if not self._has_all and not self.is_lost:
            self._has_all = self.read(partial(_is_whole, owner=self.owner))
        return self._has_all or self.is_lost

    def _has_whole_rows(self) -> bool:
        """Return whether every row is as it was stored, though totals of groups are not; those are made anew then."""
        if not self.covers_all():
            return False
        with suppress(SpoolError):  # made another time: until then a start reads every row
            self._writing(self._make_groups, durable=False)
        return True

    def _make_groups(self, store: Store) -> None:
        make_groups(store.connection, store.totals, self.owner)
        store.keep_long_bytes()


def _groups_that_add_up(connection: sqlite3.Connection, owner: str) -> int | None:
    """Return how many groups an owner has; None unless their totals, and all rows that are in none, make up the owner's.

    The keys of all groups have to lie beside each other, with no other between.
    """
    keeper = keeper_of(owner)
    kept, seen = Totals(), Totals()
    first = last = b""
    try:
        with _one_moment(connection):
            totals = load_totals(connection)
            for page in _pages(connection, keeper):
                count_all(kept, page)
                seen.add_stored([value for _, value, _ in page])
                if page:
                    first, last = first or page[0][0], page[-1][0]
            beside = [(b"", first), (end_of(last), AFTER_EVERY_KEY)] if last else [(b"", AFTER_EVERY_KEY)]
            for start, end in beside:
                for page in _pages(connection, owner, start, end):
                    if PARTING in b" ".join([key for key, _, _ in page]):
                        return None
                    count_all(seen, page)
    except (DamagedRow, ValueError):
        return None
    is_all = kept.is_as(totals.get(keeper, Totals())) and seen.is_as(totals.get(owner, Totals()))
    return kept.count if is_all else None


def _is_whole(connection: sqlite3.Connection, owner: str) -> bool:
    """Return whether every row of an owner is there as it was stored."""
    with _one_moment(connection):
        expected = load_totals(connection).get(owner, Totals())
        return _are_as(expected, _pages(connection, owner))


def _is_whole_group(connection: sqlite3.Connection, owner: str, group: bytes) -> bool:
    """Return whether every row of a group is there as it was stored."""
    with _one_moment(connection):
        expected = total_of(connection, owner, group)
        return _are_as(expected, _pages(connection, owner, group, end_of(group)))


def _are_as(expected: Totals, found: Iterator[list[Row]]) -> bool:
    seen = Totals()
    try:
        for page in found:
            count_all(seen, page)
    except DamagedRow:
        return False
    return seen.is_as(expected)


def _pages(
    connection: sqlite3.Connection, owner: str, start: bytes = b"", end: bytes = AFTER_EVERY_KEY
) -> Iterator[list[Row]]:
    return pages(lambda work: work(connection), owner, start, end)


@contextmanager
def _one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Have all that is read be of one moment, whatever is written meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")
