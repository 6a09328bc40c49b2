"""Examples that the tests of the spool share: records that are quick to make, and a whole drain."""

import threading
import time
from collections.abc import Callable

from spool import Batch, Record, Spool, compress, inflate


def record_of(*entries: str, **changes: object) -> Record:
    """Return a record with these entries, as the composer would join them."""
    data = ",".join(entries).encode()
    values: dict[str, object] = {
        "name": "custom",
        "count": len(entries),
        "first_time": 1_700_000_000,
        "last_time": 1_700_000_001,
        "event_types": ("Something",),
        "tags": ("env:test",),
        "hostname": "host-1",
        "boot_id": "b" * 32,
        "boottime": 12.5,
        "captured": 1_700_000_001.25,
        "clock_trusted": True,
        "segment": compress(data),
        "origin": "test",
    }
    return Record(**(values | changes))


def entries_of(batch: Batch) -> list[str]:
    """Return the entries of a batch in order."""
    return [
        entry
        for piece in batch.pieces
        for entry in inflate(piece.record.segment).decode().split(",")[piece.first_entry : piece.last_entry]
    ]


def drain(spool: Spool, destination: str, *, max_events: int = 1000) -> list[str]:
    """Deliver everything that waits; return it in order."""
    delivered: list[str] = []
    while True:
        batch = spool.records.read(destination, max_events=max_events, max_bytes=1 << 20)
        if not batch.pieces:
            return delivered
        delivered += entries_of(batch)
        spool.records.acknowledge(destination, batch.upto, delivered=batch.events)


def wait_until(condition: Callable[[], bool], timeout_seconds: float = 120.0) -> None:
    """Return once `condition` holds; fail when it never does."""
    deadline = time.monotonic() + timeout_seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        pause.wait(0.005)
