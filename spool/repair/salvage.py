"""Bring the records of a damaged copy back, in the background, in their order.

Pages are scanned for rows that match their checksum, whatever the damage did to the tree above them. What
destinations still wait for comes first, and they read on only when all of it is back; then the history,
as far as there is room. Every slice is one transaction that also says how far it came, so an interrupted
salvage goes on at the next start.
"""

import logging
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from spool import failpoints, positions, rejected
from spool.cap import Cap
from spool.codec import from_record, record_of
from spool.errors import SpoolClosed, SpoolError
from spool.record import StoredRecord
from spool.repair.pages import PageFile, rows_of
from spool.schema import DATABASE
from spool.state import FULL, Salvage
from spool.store import Store
from spool.tables import RECORDS, REJECTED, RejectedRow
from spool.writer import Writer

_SLICE_BYTES = 1024 * 1024

log = logging.getLogger(__name__)

Found = tuple[int, StoredRecord, int, int]
"""Number, record, and the running totals of its row."""


class Salvager:
    """The thread that salvages one copy."""

    def __init__(
        self, writer: Writer, cap: Cap, wall: Callable[[], float], finished: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._cap = cap
        self._wall = wall
        self._finished = finished
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool-salvage", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the slice at hand; the next start goes on from there."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        failpoints.reached("salvage.before")
        try:
            self._salvage()
        except SpoolClosed:
            return
        except (OSError, SpoolError) as error:
            log.exception("the salvage of a damaged spool ended early")
            problem = f"the salvage ended early: {error}"
            self._writer.submit(lambda store: _finish(store, lost=None, problem=problem))
        failpoints.reached("salvage.after")
        self._finished()

    def _salvage(self) -> None:
        job = self._writer.submit(
            lambda store: store.state.salvage and Salvage(**store.state.salvage.values())
        )
        if job is None:
            return
        with closing(PageFile(Path(job.copy) / DATABASE)) as file:
            plan = _Plan(file)
            for number in file.numbers():
                if self._stop.is_set():
                    return
                plan.look_at(number)
            self._writer.submit(lambda store: _align(store, plan))
            needed = self._writer.submit(lambda store: store.state.oldest_needed() or 0)
            self._bring_back(plan.pages(from_number=needed), plan, needed=True)
            if self._stop.is_set():
                return
            self._writer.submit(_open_the_way)
            self._finished()
            self._bring_back(plan.pages(before_number=needed), plan, needed=False)
            for entries in plan.rejected_slices():
                self._writer.submit(partial(_insert_rejected, rows=entries))
            if not self._stop.is_set():
                lost = plan.lost_events()
                self._writer.submit(lambda store: _finish(store, lost=lost, problem=""))

    def _bring_back(self, pages: Iterator[int], plan: "_Plan", *, needed: bool) -> None:
        slice_: list[Found] = []
        size_bytes = 0
        for number in pages:
            if self._stop.is_set():
                return
            for found in plan.records_of(number):
                slice_.append(found)
                size_bytes += len(found[1].record.segment.deflated)
            if size_bytes >= _SLICE_BYTES:
                if not self._insert(slice_, needed=needed):
                    return
                slice_, size_bytes = [], 0
        self._insert(slice_, needed=needed)

    def _insert(self, slice_: list[Found], *, needed: bool) -> bool:
        if not slice_:
            return True
        failpoints.reached("salvage.slice")
        slice_.sort()
        now = self._wall()
        return self._writer.submit(lambda store: _insert_slice(store, self._cap, slice_, now, needed=needed))


class _Plan:
    """Which pages of the copy hold records, and how far their totals go."""

    def __init__(self, file: PageFile) -> None:
        self._file = file
        self._pages: list[tuple[int, int, int]] = []
        self._rejected = array("q")
        self._seen_events = 0
        self.first: tuple[int, int, int] | None = None
        """Number and running totals of the oldest record."""
        self.end: tuple[int, int, int] | None = None
        """Number and running totals after the newest record."""

    def look_at(self, page: int) -> None:
        numbers = []
        for number, stored, events, size in self.records_of(page):
            numbers.append(number)
            record = stored.record
            self._seen_events += record.count
            if self.first is None or number < self.first[0]:
                self.first = (number, events, size)
            if self.end is None or number > self.end[0]:
                self.end = (number, events + record.count, size + record.segment.length)
        if numbers:
            self._pages.append((min(numbers), max(numbers), page))
        elif any(REJECTED.found(row) for row in rows_of(self._file, page)):
            self._rejected.append(page)

    def pages(self, from_number: int = -1, before_number: int = 1 << 62) -> Iterator[int]:
        """Yield the pages with records in from_number <= number < before_number, in their order."""
        self._pages.sort()
        for low, high, page in self._pages:
            if high >= from_number and low < before_number:
                yield page

    def records_of(self, page: int) -> list[Found]:
        """Return the records of a page that match their checksums, each once."""
        found: dict[int, Found] = {}
        for values in rows_of(self._file, page):
            row = RECORDS.found(values)
            if row is not None:
                found.setdefault(
                    row.number,
                    (
                        row.number,
                        StoredRecord(row.number, record_of(row)),
                        row.events_before,
                        row.bytes_before,
                    ),
                )
        return list(found.values())

    def rejected_slices(self) -> Iterator[list[RejectedRow]]:
        for page in self._rejected:
            yield [row for values in rows_of(self._file, page) if (row := REJECTED.found(values))]

    def lost_events(self) -> int | None:
        """Return how many entries are missing between the oldest and the newest record."""
        if self.first is None or self.end is None:
            return None
        return max(0, self.end[1] - self.first[1] - self._seen_events)


def _align(store: Store, plan: _Plan) -> None:
    """Fit the running totals of old and new records together: the old ones end where the new ones begin."""
    state, salvage = store.state, store.state.salvage
    if salvage is None or salvage.aligned:
        return
    salvage.aligned = True
    store.touch()
    if plan.first is None or plan.end is None:
        return
    salvage.events_shift = salvage.events_at_bound - plan.end[1]
    salvage.bytes_shift = salvage.bytes_at_bound - plan.end[2]
    if plan.end[0] + 1 < salvage.bound:
        state.gaps = [*state.gaps[-15:], [plan.end[0] + 1, salvage.bound]]
    for standing in state.standings.values():
        if standing.record >= salvage.bound:
            continue
        if salvage.blind or standing.record <= positions.OLDEST:
            done = plan.first[1] + salvage.events_shift
            standing.events_before += done - standing.events_done
            standing.events_done = done
            standing.bytes_done = plan.first[2] + salvage.bytes_shift
        else:
            standing.events_done += salvage.events_shift
            standing.events_before += salvage.events_shift
            standing.bytes_done += salvage.bytes_shift


def _insert_slice(store: Store, cap: Cap, found: list[Found], now: float, *, needed: bool) -> bool:
    """Insert records that are not there; return whether there is room for more."""
    salvage = store.state.salvage
    if salvage is None:
        return False
    size_bytes = sum(len(stored.record.segment.deflated) + 512 for _, stored, _, _ in found)
    if needed:
        may_drop = cap.options.when_full == "drop_oldest"
        reason = cap.make_room(store, size_bytes, now, may_drop=may_drop)
        if reason == FULL or (reason and not may_drop):
            raise cap.refusal(reason)
    elif not cap.has_room(store, size_bytes):
        return False
    oldest = store.state.oldest_needed() or 0
    for number, stored, events, size in found:
        if number >= salvage.bound or (number >= oldest) is not needed:
            continue
        row = from_record(number, events + salvage.events_shift, size + salvage.bytes_shift, stored.record)
        cursor = store.connection.execute(RECORDS.insert_missing, row)
        if cursor.rowcount > 0:
            salvage.records += 1
            salvage.events += stored.record.count
    store.touch()
    return True


def _open_the_way(store: Store) -> None:
    """Let the destinations read on."""
    if store.state.salvage is not None:
        store.state.salvage.frontier = store.state.salvage.bound
        store.touch()


def _insert_rejected(store: Store, rows: list[RejectedRow]) -> None:
    store.connection.executemany(REJECTED.insert_missing, rows)


def _finish(store: Store, *, lost: int | None, problem: str) -> None:
    state, salvage = store.state, store.state.salvage
    if salvage is None:
        return
    rejected.recount(store)
    for recovery in state.recoveries:
        if recovery["copy"] == salvage.copy:
            recovery["reason"] += f"; {problem}" if problem else ""
            recovery["records_salvaged"] = salvage.records
            recovery["events_salvaged"] = salvage.events
            recovery["events_lost"] = lost
            recovery["finished"] = True
    state.salvage = None
    store.touch()
