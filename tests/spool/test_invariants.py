"""The promises at the top of `spool/__init__.py`, one test each, in their order and by their number."""

import os
from pathlib import Path

from spool_examples import drain, record_of
from spool_victim import run_victim

from spool import Options, Position, Rejection, Spool

MEBIBYTE = 1024 * 1024


def test_invariant_1_append_syncs_before_it_returns(open_spool):
    """Kill tests: test_kill.py. Here: SQLite is told to sync every commit that anybody is promised."""
    spool = open_spool()
    seen = []

    def level(store):
        seen.append(store.connection.execute("PRAGMA synchronous").fetchone()[0])

    full, normal = 2, 1
    spool.records.append([record_of("a")])
    spool._engine.between(level)
    spool.records.acknowledge("stackstate", Position(2, 0), delivered=1)
    spool._engine.between(level)
    spool.records.append([record_of("b")])
    spool._engine.between(level)
    spool.records.acknowledge("stackstate", Position(3, 0), delivered=1, durable=True)
    spool._engine.between(level)
    assert seen == [full, normal, full, full]


def test_invariant_2_records_and_memory_commit_together(open_spool):
    """Test_kill.py kills in between; here an append fails in the middle, and its neighbour does not."""
    spool = open_spool()
    failed = 0
    try:
        spool.records.append([record_of("a")], owner="files", remember={"key": "no bytes"})
    except (TypeError, AttributeError):
        failed = 1
    spool.records.append([record_of("b")], owner="files", remember={"key": b"1"})
    assert failed
    assert drain(spool, "stackstate") == ["b"]


def test_invariant_3_numbers_are_never_reused(open_spool, wall):
    spool = open_spool(Options(keep_delivered_seconds=0))
    numbers = []
    for _ in range(3):
        numbers.append(spool.records.append([record_of("a", captured=wall.now)]))
        drain(spool, "stackstate")
        wall.now += 1
        spool.housekeeping(trusted_time=True)
        assert spool.status().records == 0
        spool = open_spool(Options(keep_delivered_seconds=0))
    assert numbers == [1, 2, 3]


def test_invariant_4_a_refused_entry_and_the_position_move_together(tmp_path):
    def work(_tell):
        spool = Spool.open(tmp_path)
        spool.positions.attach("stackstate", "identity")
        spool.records.append([record_of("a", "b")])
        rejection = Rejection(Position(1, 0), "custom", b"a", "400")
        spool.records.acknowledge("stackstate", Position(1, 1), delivered=0, rejected=[rejection])
        os._exit(0)

    run_victim(work)
    with Spool.open(tmp_path) as spool:
        spool.positions.attach("stackstate", "identity")
        assert [entry.body for entry in spool.rejected.entries()] == [b"a"]
        assert drain(spool, "stackstate") == ["b"]


def test_invariant_5_every_entry_is_accounted_for_under_the_cap(open_spool, tmp_path):
    """Test_cap.py has the order of what gives way."""
    spool = open_spool(Options(max_size_bytes=4 * MEBIBYTE))
    for index in range(200):
        spool.records.append(
            [record_of(f"{index}", os.urandom(15_000).hex())], owner="o", remember={"k": b"%d" % index}
        )
    destination = spool.status().destinations[0]
    assert destination.waiting_events + sum(destination.dropped.values()) == 400
    assert spool.memory("o").get("k") == b"199"
    assert sum(path.lstat().st_size for path in (tmp_path / "spool").rglob("*")) <= 4 * MEBIBYTE


def test_invariant_6_no_trouble_of_the_spool_prevents_a_start(open_spool, tmp_path):
    """Test_recovery.py and test_damage.py have what is lost and what comes back."""
    for garbage in (b"", b"x", os.urandom(100_000)):
        open_spool().close()
        for name in ("spool.db", "spool.db-wal", "spool.db-shm", "reserve", "spool.lock"):
            (tmp_path / "spool" / name).write_bytes(garbage)
        spool = open_spool()
        spool.records.append([record_of("a")])
        assert not spool.volatile


def test_invariant_7_a_start_reads_the_same_however_large_the_backlog(open_spool, tmp_path):
    """Test_peers.py has the memory of it (fluent-bit#5166)."""

    def bytes_read_at_a_start() -> int:
        before = _bytes_read()
        spool = open_spool()
        spool.status()
        spool.records.read("stackstate", max_events=1, max_bytes=1)
        spool.close()
        return _bytes_read() - before

    spool = open_spool()
    spool.records.append([record_of("a")])
    spool.close()
    small = bytes_read_at_a_start()
    spool = open_spool()
    for _ in range(30):
        spool.records.append([record_of(os.urandom(5_000).hex()) for _ in range(100)])
    spool.close()
    assert (tmp_path / "spool/spool.db").stat().st_size > 10 * MEBIBYTE
    assert bytes_read_at_a_start() < small + 256 * 1024


def test_invariant_8_delivered_records_stay_readable_for_the_host(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a")])
    drain(spool, "stackstate")
    spool.housekeeping(trusted_time=False)
    assert spool.status().events == 1


def _bytes_read() -> int:
    """Return how much this process has read so far, from wherever the bytes came."""
    line = Path("/proc/self/io").read_text(encoding="ascii").splitlines()[0]
    return int(line.removeprefix("rchar: "))
