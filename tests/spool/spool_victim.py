"""A child that works on a spool until it is killed, and what its parent can hold against it.

The child writes a line to a pipe for everything that it was promised and everything it delivered; the
parent, who survives, is the oracle.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from spool_examples import entries_of, record_of

from spool import Position, Rejection, Spool, failpoints

Tell = Callable[[str], None]


@dataclass
class Ledger:
    """What the children were promised and did, over all their lives."""

    attempted: int = 0
    accepted: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)

    def read(self, lines: list[str]) -> None:
        """Take note of what one child told."""
        for line in lines:
            kind, _, rest = line.partition(" ")
            entries = rest.split(",")
            if kind == "attempt":
                self.attempted = int(rest)
            elif kind == "accepted":
                self.accepted += entries
            elif kind == "delivered":
                assert not self.acknowledged & set(entries), "an acknowledged entry was delivered again"
                self.delivered += entries
            elif kind == "acknowledged":
                self.acknowledged |= set(entries)


def run_victim(
    work: Callable[[Tell], None], kill: Callable[[int], None] = lambda _pid: None
) -> tuple[list[str], int]:
    """Run `work` in a forked child; return the whole lines it told, and its wait status."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            work(lambda line: os.write(writer, f"{line}\n".encode()) and None)
        except BaseException:  # noqa: BLE001 - the child ends here, whatever it was
            traceback.print_exc(file=sys.__stderr__)
            os._exit(70)
        os._exit(0)
    os.close(writer)
    try:
        kill(child)
        with os.fdopen(reader) as file:
            told = file.read()
    finally:
        _, status = os.waitpid(child, 0)
    return told.split("\n")[:-1], status


def die_at(point: str, time: int = 1) -> None:
    """Have this process killed when it reaches `point` for the `time`-th time."""
    reached = 0

    def action(name: str) -> None:
        nonlocal reached
        reached += name == point
        if name == point and reached == time:
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.arm(action)


def append_and_deliver(spool: Spool, tell: Tell, first: int, rounds: int) -> None:
    """Append numbered entries with what to remember of them, and deliver them in between."""
    for index in range(first, first + rounds):
        tell(f"attempt {index}")
        entries = [f"{index}.{part}" for part in range(1 + index % 3)]
        last = str(index).encode()
        remember = {
            "last": last,
            "f/a//last": last,
            f"f/b//{index % 3}": last,
            "f/c//": None if index % 2 else b"0",
        }
        spool.records.append([record_of(*entries)], owner="collector", remember=remember)
        tell(f"accepted {','.join(entries)}")
        if index % 4 == 3:
            deliver(spool, tell, reject=index % 8 == 7)


def deliver(spool: Spool, tell: Tell, *, reject: bool = False) -> None:
    """Deliver one batch; the last entry may be refused."""
    batch = spool.records.read("stackstate", max_events=5, max_bytes=1 << 20)
    if not batch.pieces:
        return
    entries = entries_of(batch)
    tell(f"delivered {','.join(entries)}")
    rejected = []
    if reject:
        last = batch.pieces[-1]
        rejected = [Rejection(Position(last.number, last.last_entry - 1), "n", entries[-1].encode(), "no")]
    spool.records.acknowledge(
        "stackstate", batch.upto, delivered=len(entries) - len(rejected), rejected=rejected
    )
    tell(f"acknowledged {','.join(entries)}")


def check(directory: Path, ledger: Ledger) -> None:
    """Hold the spool to what it promised: nothing lost, nothing twice, the memory of what was stored."""
    with Spool.open(directory) as spool:
        spool.positions.attach("stackstate", "identity")
        memory = spool.memory("collector")
        remembered = int(memory.get("last") or -1)
        of_groups = [int(value) for _, value in memory.items("f")]
        while spool.status().salvaging or spool.records.wait("stackstate", 0):
            before = len(ledger.delivered)
            deliver(spool, lambda line: ledger.read([line]))
            if len(ledger.delivered) == before:
                spool.records.wait("stackstate", 0.01)
        status = spool.status().destinations[0]
    in_order = list(dict.fromkeys(ledger.delivered))
    assert [entry for entry in in_order if entry in set(ledger.accepted)] == ledger.accepted
    assert in_order == sorted(in_order, key=_order)
    # Stored, if not promised: the one append that was under way when the child was killed, whole.
    stored = {int(entry.split(".")[0]) for entry in in_order}
    assert max(stored, default=-1) == remembered
    assert of_groups[:1] == [index for index in (remembered,) if index >= 0]
    assert max(of_groups, default=-1) == remembered, "totals of groups are those of the rows"
    assert status.delivered_total + status.rejected_total == len(in_order)
    assert set(status.dropped) <= {"rejected_full"}


def _order(entry: str) -> tuple[int, int]:
    index, part = entry.split(".")
    return int(index), int(part)
