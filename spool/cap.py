"""The size cap over the whole directory, and room on a disk that is nearly full.

SQLite reuses the pages that deleted rows leave, so an append needs new space only for the pages that
are not free inside the database. Before each append that growth is compared with the cap and the disk,
and where it does not fit, rows give way in this order: delivered history, remembered texts, rejected
entries, and the oldest undelivered records, which are counted. Memory never gives way; half of the cap is
its share. Giving pages back to the file system is `spool.prune`'s work.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from spool import contents, failpoints, file_size, memory, positions, rejected, reserve, texts
from spool.errors import SpoolFull
from spool.options import Options
from spool.schema import DATABASE, PAGE_BYTES
from spool.state import DISK_FULL, FULL
from spool.store import Store

RESERVE_BYTES = 2 * 1024 * 1024
_SLICE_PAGES = 64
_ROWS_A_SLICE = 256
_ROW_OVERHEAD_BYTES = 200
_PAGES_AN_APPEND = 8
_MEASURED_SECONDS = 1.0
"""So long what was measured of the database and of the disk is good for; others fill the disk, too."""
_NO_COUNT = frozenset({DATABASE, f"{DATABASE}-wal", f"{DATABASE}-journal"})


class Cap:
    """What one directory may hold."""

    def __init__(self, directory: Path, options: Options) -> None:
        self.directory = directory
        self._wal_size = file_size.asked_of(directory / f"{DATABASE}-wal")
        self._wal_bytes = 0
        self._spare_pages = 0
        self._spare_until = 0.0
        self.others_bytes = 0
        self.use(options)
        self.refresh()

    def use(self, options: Options) -> None:
        """Go by these options from now on."""
        self.options = options
        self.reserve_bytes = min(RESERVE_BYTES, options.max_size_bytes // 16)
        """How large the reserve is; a small cap gets a small one."""
        self.wal_limit_bytes = max(16 * PAGE_BYTES, self.reserve_bytes // 2)
        """The -wal is checkpointed above so much: on a full disk the reserve must suffice for that."""
        self.forget_measures()
        self._budget_pages = self._pages_beside(self._usual_wal_bytes)

    @property
    def rejected_bytes(self) -> int:
        """How much refused entries may take."""
        return self.options.max_size_bytes // 8

    @property
    def text_bytes(self) -> int:
        """How much remembered texts may take."""
        return self.options.max_size_bytes // 4

    @property
    def memory_bytes(self) -> int:
        """How much may be remembered before nothing further is."""
        return self.options.max_size_bytes // 2

    def forget_measures(self) -> None:
        """Measure again before the next append: something else than an append takes room, or the cap is another."""
        self._spare_pages = 0

    def refresh(self) -> None:
        """Measure again everything that is not the database."""
        self.forget_measures()
        total = self.directory.lstat().st_size if self.directory.exists() else 0
        for path in contents.own(self.directory):
            if path.name in _NO_COUNT and path.parent == self.directory:
                continue
            try:
                status = path.lstat()
            except OSError:
                continue
            total += max(status.st_size, status.st_blocks * 512)
        # What anybody in the group may leave must not push out what this host saw.
        self.others_bytes = total + min(contents.left_bytes(self.directory), self.options.max_size_bytes // 8)
        self._budget_pages = self._pages_beside(self._usual_wal_bytes)

    def wal_bytes(self) -> int:
        """Return how large the -wal is; asked once a transaction."""
        self._wal_bytes = self._wal_size()
        return self._wal_bytes

    def budget_pages(self) -> int:
        """Return how many pages the database may have."""
        if self._wal_bytes <= self._usual_wal_bytes:
            return self._budget_pages
        return self._pages_beside(self._wal_bytes)

    @property
    def _usual_wal_bytes(self) -> int:
        return 2 * self.wal_limit_bytes

    def _pages_beside(self, wal_bytes: int) -> int:
        # Copies kept for a person must not leave the spool without room of its own.
        others = min(self.others_bytes, self.options.max_size_bytes // 2)
        return max(0, self.options.max_size_bytes - wal_bytes - others) // PAGE_BYTES

    def excess_pages(self, store: Store) -> int:
        """Return how many pages the database has beyond the cap."""
        return _pragma(store, "page_count") - self.budget_pages()

    def make_room(self, store: Store, size_bytes: int, now: float, *, may_drop: bool) -> str:
        """Let rows give way inside the open transaction until so much fits; return why it does not, if so.

        With `may_drop` undelivered records give way as well.
        """
        needed = -(-size_bytes // (PAGE_BYTES - 64)) + _PAGES_AN_APPEND
        if needed <= self._spare_pages and time.monotonic() < self._spare_until:
            self._spare_pages -= needed
            return ""
        while True:
            growth = needed - _pragma(store, "freelist_count")
            if growth <= 0:
                return ""
            over = _pragma(store, "page_count") + growth - self.budget_pages()
            reason = FULL
            if over <= 0:
                spare = reserve.free_bytes(self.directory) - self.reserve_bytes - growth * PAGE_BYTES
                if spare >= 0:
                    self._measured(min(-over, spare // PAGE_BYTES))
                    return ""
                reason = DISK_FULL
            if not self.give_way(store, max(growth, _SLICE_PAGES), reason, now, may_drop=may_drop):
                return reason

    def _measured(self, spare_pages: int) -> None:
        """Let the next appends take half of what is spare, unasked: to ask costs more than a small one."""
        self._spare_pages = spare_pages // 2
        self._spare_until = time.monotonic() + _MEASURED_SECONDS

    def may_go_beyond(self, size_bytes: int, reason: str, *, may_drop: bool) -> bool:
        """Return whether records are taken although nothing else can give way for them.

        On a full disk SQLite says whether they fit. Beyond the cap is only memory by then, as after the cap was
        lowered: they take the place that the next ones get in their turn.
        """
        return may_drop and (reason == DISK_FULL or size_bytes <= self.options.max_size_bytes // 8)

    def may_remember(self, store: Store, owner: str, remember: Mapping[str, bytes | None]) -> bool:
        """Return whether this may be remembered beyond the cap: what takes no more than before, or is within its share."""
        more = memory.growth(store.connection, owner, remember)
        # An owner that asks for room has its own small change besides.
        slack = self.options.max_size_bytes // 16
        return more <= 0 or memory.stored_bytes(store.totals) + more <= self.memory_bytes + slack

    def refusal(self, reason: str) -> SpoolFull:
        """Return the error that says that an append had no room."""
        if reason == DISK_FULL:
            return SpoolFull("the disk is full", f"free some space for {self.directory}")
        return SpoolFull(f"the spool has reached {self.options.max_size_bytes} bytes", "raise spool.max_size")

    def has_room(self, store: Store, size_bytes: int) -> bool:
        """Return whether so much fits without anything giving way."""
        self.forget_measures()
        needed = -(-size_bytes // (PAGE_BYTES - 64)) + _PAGES_AN_APPEND
        growth = needed - _pragma(store, "freelist_count")
        return growth <= 0 or (
            _pragma(store, "page_count") + growth <= self.budget_pages()
            and reserve.free_bytes(self.directory) >= 2 * self.reserve_bytes + growth * PAGE_BYTES
        )

    def makes_room_for_text(self, store: Store, size_bytes: int, now: float) -> bool:
        """Let delivered history and older texts give way until so much fits; return whether it does."""
        pages = size_bytes // PAGE_BYTES + 1
        while not self.has_room(store, size_bytes):
            if not (self._drop_delivered(store, pages, now) or texts.give_way(store, size_bytes)):
                return False
        return True

    def give_way(
        self, store: Store, pages: int, reason: str, now: float, *, may_drop: bool | None = None
    ) -> bool:
        """Free about so many pages of what is worth least; False when nothing may go.

        Whether undelivered records may is `spool.when_full`, where `may_drop` does not say it.
        """
        drops = self.options.when_full == "drop_oldest" if may_drop is None else may_drop
        failpoints.reached("prune.before")
        last = store.state.last_number + 1
        done = (
            self._drop_delivered(store, pages, now)
            or texts.give_way(store, pages * PAGE_BYTES)
            or self._drop_rejected(store, pages, now)
            or (drops and self._drop(store, last, pages, reason, now))
        )
        failpoints.reached("prune.after")
        return done

    def _drop_delivered(self, store: Store, pages: int, now: float) -> bool:
        needed = store.state.oldest_needed()
        last = store.state.last_number + 1
        return self._drop(store, last if needed is None else min(needed, last), pages, None, now)

    def _drop(self, store: Store, before: int, pages: int, reason: str | None, now: float) -> bool:
        """Delete the oldest records below `before`; with a reason they are counted."""
        rows = store.connection.execute(
            "SELECT number, length(deflated) FROM records WHERE number < ? ORDER BY number LIMIT ?",
            (before, _ROWS_A_SLICE),
        ).fetchall()
        if not rows:
            return False
        size_bytes = 0
        until = rows[-1][0] + 1
        for number, length in rows:
            size_bytes += (length or 0) + _ROW_OVERHEAD_BYTES
            if size_bytes >= pages * PAGE_BYTES:
                until = number + 1
                break
        if reason is not None:
            positions.pass_over(store, until, reason, now)
        delete_before(store, until)
        return True

    def _drop_rejected(self, store: Store, pages: int, now: float) -> bool:
        wanted = store.state.rejected_bytes - pages * PAGE_BYTES
        dropped = False
        while store.state.rejected_bytes > max(0, wanted) and rejected.make_way(store, now):
            dropped = True
        return dropped


def delete_before(store: Store, number: int) -> None:
    """Delete every record below `number`; the totals are written, no row may be left to say them."""
    store.connection.execute("DELETE FROM records WHERE number < ?", (number,))
    store.keep_the_end()
    store.touch()


def _pragma(store: Store, name: str) -> int:
    return int(store.connection.execute(f"PRAGMA {name}").fetchone()[0])
