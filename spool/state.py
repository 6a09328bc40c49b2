"""Where every destination stands, and the running totals: one document, kept twice.

It is written in the transaction that changes it, to `state_a` and `state_b` in turn, so that a page
lost to damage leaves the one before it. Counts are running totals: with E the number of entries ever
appended and D those done with, `E - D` waits, and D = events_before + delivered + filtered + rejected +
dropped, always, for each destination.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any, NamedTuple

from spool.batch import Drop
from spool.named import Named, at_first
from spool.record import Position
from spool.table import checksum

FULL = "full"
AGE = "age"
DISK_FULL = "disk_full"
DAMAGED = "damaged"
REJECTED_FULL = "rejected_full"
REJECTED_AGE = "rejected_age"
"""Rejected entries that gave way are no part of D: they were counted as rejected before."""
DROP_REASONS = (FULL, AGE, DISK_FULL, DAMAGED, REJECTED_FULL, REJECTED_AGE)
_encode = json.JSONEncoder(separators=(",", ":")).encode
_TELLINGS = 8
_RECOVERIES = 16


class Standing(Named):
    """One destination: its position and its totals."""

    name: str
    identity: str
    attached: bool = True
    """A detached one holds nothing back; it is remembered in case it comes again."""
    record: int = 0
    entry: int = 0
    events_before: int = 0
    """Of the entries done with, those that were never its own: it started behind them."""
    events_done: int = 0
    bytes_done: int = 0
    delivered: int = 0
    filtered: int = 0
    rejected: int = 0
    last_success: float | None = None

    @property
    def position(self) -> Position:
        """The first entry it is not done with."""
        return Position(self.record, self.entry)


class Loss(Named):
    """What one destination lost for one reason, and how much of that was told."""

    destination: str
    reason: str
    count: int = 0
    told: int = 0
    first_time: float | None = None
    """Of what is not told yet."""
    last_time: float | None = None
    at: float | None = None
    """When it last grew, by the wall clock."""
    acknowledged: int = 0
    """How much of it somebody has taken note of."""
    tellings: list[tuple[int, int, float, float]] = at_first(default_factory=list)
    """What told of it and may be dropped itself: number of the record, count, first and last time."""

    def extend(self, first_time: float, last_time: float) -> None:
        """Have the time from first to last be part of what is not told."""
        self.first_time = first_time if self.first_time is None else min(self.first_time, first_time)
        self.last_time = last_time if self.last_time is None else max(self.last_time, last_time)


class Salvage(Named):
    """A damaged copy whose records are being brought back."""

    copy: str
    bound: int
    """Every record of the copy has a smaller number than this, every new one none smaller."""
    frontier: int
    """Records from the positions up to here are back; destinations read no further until it is done."""
    blind: bool = False
    """The copy's own positions and totals could not be read."""
    events_at_bound: int = 0
    bytes_at_bound: int = 0
    aligned: bool = False
    events_shift: int = 0
    bytes_shift: int = 0
    """What the totals of the copy's rows need to end where those of the new records begin."""
    records: int = 0
    events: int = 0
    """What has been brought back."""


class Recovery(NamedTuple):
    """What was found damaged and what became of it; `finished` once the counts are final."""

    reason: str
    time: float
    copy: str = ""
    """Where the damaged files are kept."""
    positions_kept: bool = True
    memory_lost: tuple[str, ...] = ()
    """Owners whose memory could not be read: they learn anew."""
    records_salvaged: int = 0
    events_salvaged: int = 0
    events_lost: int | None = None
    """None where nothing says how many there were."""
    finished: bool = False
    told: bool = False

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Recovery":
        """Return a recovery as the state keeps it."""
        return cls(**{**kept, "memory_lost": tuple(kept["memory_lost"])})


class State(Named):
    """Everything that is kept beside the rows themselves."""

    standings: dict[str, Standing] = at_first(default_factory=dict)
    losses: dict[tuple[str, str], Loss] = at_first(default_factory=dict)
    acknowledged: list[int] = at_first(default_factory=lambda: [1, 0])
    """Everything before this record and entry has been acknowledged by somebody, or is nobody's any more."""
    last_number: int = 0
    total_events: int = 0
    total_bytes: int = 0
    rejected_count: int = 0
    rejected_bytes: int = 0
    max_size_bytes: int = 0
    positions_lost: bool = False
    """A destination that is not known here may have been lost by damage: it starts at the oldest kept."""
    salvage: Salvage | None = None
    recoveries: list[dict[str, Any]] = at_first(default_factory=list)
    gaps: list[list[int]] = at_first(default_factory=list)
    """Numbers left out when a new database took over: [first, the one after the last]."""
    texts_given_up: int = 0
    """Remembered texts that had no room, ever."""
    texts_told: bool = False
    long_bytes: dict[str, int] | None = None
    """What the long rows that owners remember take besides (`spool.row_bytes`); None where nobody has counted them."""
    sequence: int = 0

    def note(self, recovery: Recovery) -> None:
        """Keep in mind what was found damaged; only the last ones are."""
        self.recoveries = [*self.recoveries[1 - _RECOVERIES :], recovery._asdict()]

    def note_acknowledged(self, position: Position) -> None:
        """Take note that somebody is done with everything before `position`."""
        self.acknowledged = max(self.acknowledged, list(position))

    def lose(self, destination: str, reason: str, count: int, first_time: float, last_time: float) -> None:
        """Count entries that a destination will never get, and from when to when they were."""
        if count <= 0:
            return
        loss = self.losses.setdefault((destination, reason), Loss(destination, reason))
        loss.count += count
        loss.at = time.time()
        loss.extend(first_time, last_time)

    def tell(self, drop: Drop, number: int) -> None:
        """Take note that record `number` tells of a drop; times are gathered anew when all are told."""
        loss = self.losses.get((drop.destination, drop.reason))
        if loss is not None:
            loss.told += drop.count
            telling = (number, drop.count, drop.first_time, drop.last_time)
            loss.tellings = [*loss.tellings[1 - _TELLINGS :], telling]
            if loss.told >= loss.count:
                loss.first_time = loss.last_time = None

    def rename_losses(self, names: Mapping[str, str]) -> None:
        """Have what was lost under one name be lost under another."""
        for loss in self.losses.values():
            loss.destination = names.get(loss.destination, loss.destination)
        self.losses = {(loss.destination, loss.reason): loss for loss in self.losses.values()}

    def acknowledge_losses(self) -> int:
        """Take note that somebody knows of all that was lost; return of how much that was news."""
        news = sum(loss.count - loss.acknowledged for loss in self.losses.values())
        for loss in self.losses.values():
            loss.acknowledged = loss.count
        return news

    def take_back_tellings(self, standing: Standing, before: int) -> None:
        """Have told again what a record told that is dropped before this destination has got it."""
        for loss in self.losses.values():
            if loss.destination != standing.name:
                continue
            for number, count, first_time, last_time in loss.tellings:
                if standing.record <= number < before:
                    loss.told -= count
                    loss.extend(first_time, last_time)
            loss.tellings = [telling for telling in loss.tellings if telling[0] >= before]

    def untold(self) -> list[Loss]:
        """Return the losses that are larger than what was told of them."""
        return [loss for loss in self.losses.values() if loss.count > loss.told]

    def oldest_needed(self) -> int | None:
        """Return the first record that some destination is not done with; None without destinations."""
        return min((standing.record for standing in self.attached()), default=None)

    def attached(self) -> list[Standing]:
        """Return the destinations that are configured."""
        return [standing for standing in self.standings.values() if standing.attached]

    def is_attached(self, name: str) -> bool:
        """Return whether a destination is configured."""
        standing = self.standings.get(name)
        return standing is not None and standing.attached

    def to_json(self) -> str:
        """Return the document to be stored."""
        document: dict[str, Any] = dict(zip(_PLAIN, _plain_of(self), strict=True))
        document["standings"] = [standing.values() for standing in self.standings.values()]
        document["losses"] = [loss.values() for loss in self.losses.values()]
        document["salvage"] = self.salvage.values() if self.salvage else None
        return _encode(document)

    @classmethod
    def from_json(cls, text: str) -> "State":
        """Return the state of a stored document."""
        document = json.loads(text)
        state = cls(**{name: document[name] for name in _PLAIN if name in document})
        state.standings = {entry["name"]: Standing(**entry) for entry in document["standings"]}
        state.losses = {
            (entry["destination"], entry["reason"]): Loss(**entry) for entry in document["losses"]
        }
        state.salvage = Salvage(**document["salvage"]) if document["salvage"] else None
        return state


_OF_PARTS = {"standings", "losses", "salvage"}
_PLAIN = [name for name in State.__annotations__ if name not in _OF_PARTS]
_plain_of = attrgetter(*_PLAIN)
_TABLES = ("state_a", "state_b")


def save(connection: sqlite3.Connection, state: State) -> str:
    """Write the state over the older of its two copies; return the document."""
    state.sequence += 1
    document = state.to_json()
    table = _TABLES[state.sequence % 2]
    row = (1, state.sequence, document)
    connection.execute(
        f"INSERT OR REPLACE INTO {table} (slot, sequence, document, crc) VALUES (?, ?, ?, ?)",  # noqa: S608 - constants
        (*row, checksum("state", row)),
    )
    return document


def load(connection: sqlite3.Connection) -> State | None:
    """Return the newest copy that is whole, or None; raises what SQLite raises."""
    rows = [row for table in _TABLES for row in _rows(connection, table)]
    newest = _newest(rows)
    return State(positions_lost=True) if newest is None and rows else newest


def load_readable(connection: sqlite3.Connection) -> State | None:
    """Return the newest copy that is whole of those that SQLite can read."""
    rows = []
    for table in _TABLES:
        with suppress(sqlite3.Error, ValueError, TypeError):
            rows += _rows(connection, table)
    return _newest(rows)


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT slot, sequence, document, crc FROM {table}").fetchall()  # noqa: S608 - constants


def _newest(rows: Iterable[tuple[Any, ...]]) -> State | None:
    states = [state for row in rows if (state := parse(row))]
    return max(states, key=lambda state: state.sequence, default=None)


def parse(row: Sequence[Any]) -> State | None:
    """Return the state of one row of `state_a` or `state_b`, None where it is damaged or another table's."""
    try:
        _, _, document, crc = row
        return State.from_json(document) if checksum("state", tuple(row[:3])) == crc else None
    except Exception:  # noqa: BLE001 - whatever a damaged row makes Python do, it is the row's damage
        return None
