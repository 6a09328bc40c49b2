"""Keep opaque records safe on disk until every destination has taken them.

The invariants, each held by a test in tests/spool/test_invariants.py:

1. `append` returns after the bytes are synced. What it returned survives SIGKILL and power loss.
2. Records and memory of one `append` commit together or not at all.
3. Numbers of records are never reused within one database.
4. A position is (record, entry in it). It moves only by an acknowledgement, in the same transaction as
   what was rejected, or because what stood there was dropped and counted.
5. The size cap covers the whole directory, also after a restart and after it was lowered. It frees
   delivered history, then remembered texts, then rejected entries, then the oldest undelivered ones,
   counted by destination and reason; memory never. What is remembered may take half of the cap, the texts
   beside it a quarter: they never cost a record (docs/decisions/0032-shares-of-the-spool.md).
6. Damage is survivable and local: every row carries a checksum, a bad one is set aside, a database that
   SQLite refuses is moved aside whole and its records are salvaged in the background. No trouble of
   the spool ever prevents a start. What is remembered in groups is verified a group at a time, before it is believed
   (docs/decisions/0128-a-restart-reads-no-row-of-a-file.md).
7. Start-up work and memory do not grow with the backlog.
8. Delivered records stay for `keep_delivered_seconds`, within the cap.

Only this process writes, holding `spool.lock`. It must never open the database's files other than
through sqlite3: closing any other descriptor of them drops SQLite's locks, and rows are lost.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spool.batch import Batch, Drop, Piece, RejectedEntry, Rejection
from spool.errors import SpoolClosed, SpoolError, SpoolFull, SpoolLocked
from spool.reader import SpoolReader
from spool.record import EVENT, Position, Record, Segment, StoredRecord, stored_bytes
from spool.segment import SegmentError, compress, inflate, join, pack, splice

if TYPE_CHECKING:
    from spool.incoming import Refused
    from spool.leaving import leave_in_incoming
    from spool.moment import Moment
    from spool.options import Options
    from spool.owner_memory import SpoolMemory
    from spool.spool import Spool
    from spool.stamp import Stamp
    from spool.state import DROP_REASONS, Recovery
    from spool.status import DestinationStatus, SpoolStatus

__all__ = [
    "DROP_REASONS",
    "EVENT",
    "Batch",
    "DestinationStatus",
    "Drop",
    "Moment",
    "Options",
    "Piece",
    "Position",
    "Record",
    "Recovery",
    "Refused",
    "RejectedEntry",
    "Rejection",
    "Segment",
    "SegmentError",
    "Spool",
    "SpoolClosed",
    "SpoolError",
    "SpoolFull",
    "SpoolLocked",
    "SpoolMemory",
    "SpoolReader",
    "SpoolStatus",
    "Stamp",
    "StoredRecord",
    "compress",
    "inflate",
    "join",
    "leave_in_incoming",
    "pack",
    "splice",
    "stored_bytes",
]

_WHEN_ASKED_FOR = {
    "DROP_REASONS": "spool.state",
    "DestinationStatus": "spool.status",
    "Moment": "spool.moment",
    "Options": "spool.options",
    "Recovery": "spool.state",
    "Refused": "spool.incoming",
    "Spool": "spool.spool",
    "SpoolMemory": "spool.owner_memory",
    "SpoolStatus": "spool.status",
    "Stamp": "spool.stamp",
    "leave_in_incoming": "spool.leaving",
}
"""What has no use for who only reads records, and where it is; a command that reads the history is shown it before all that were loaded."""


def __getattr__(name: str) -> Any:
    """Load what is asked for of it."""
    if name not in _WHEN_ASKED_FOR:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_WHEN_ASKED_FOR[name]), name)
    return found
