"""What broke other programs' disk queues cannot happen here: one test a failure, named after it."""

import os
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from spool_examples import drain, entries_of, record_of, wait_until
from spool_victim import Ledger, append_and_deliver, check, die_at, run_victim

from spool import Options, Spool

MEBIBYTE = 1024 * 1024


def test_syslog_ng_5714_the_backlog_is_there_after_a_graceful_restart_while_offline(open_spool):
    """Also wazuh#11217."""
    open_spool().records.append([record_of(str(index)) for index in range(500)])
    open_spool()
    assert drain(open_spool(), "stackstate") == [str(index) for index in range(500)]


def test_vector_25639_an_accepted_write_is_there_after_a_crash(tmp_path):
    """Also fluent-bit#10952."""
    ledger = Ledger()

    def work(tell):
        spool = Spool.open(tmp_path)
        spool.positions.attach("stackstate", "identity")
        die_at("append.before", 30)
        append_and_deliver(spool, tell, 0, 100)

    lines, _ = run_victim(work)
    ledger.read(lines)
    assert ledger.accepted
    check(tmp_path, ledger)


def test_vector_25570_a_crash_while_files_are_removed_is_no_crash_loop(tmp_path):
    directory = tmp_path / "spool"
    with Spool.open(directory, Options(keep_delivered_seconds=0)) as spool:
        spool.positions.attach("stackstate", "identity")
        spool.records.append([record_of(str(index)) for index in range(200)])
        drain(spool, "stackstate")

    def work(_tell):
        die_at("prune.after")
        Spool.open(directory, Options(keep_delivered_seconds=0)).housekeeping(trusted_time=True)

    for _ in range(3):
        run_victim(work)
    with Spool.open(directory) as spool:
        spool.positions.attach("stackstate", "identity")
        spool.records.append([record_of("new")])
        assert drain(spool, "stackstate") == ["new"]


def test_vector_17644_a_torn_tail_neither_loops_nor_hinders_a_stop(open_spool, tmp_path):
    """Also vector#18336."""
    spool = open_spool()
    for index in range(50):
        spool.records.append([record_of(str(index))])
    shutil.copytree(tmp_path / "spool", tmp_path / "torn")
    wal = tmp_path / "torn/spool.db-wal"
    os.truncate(wal, wal.stat().st_size - 100)
    with Spool.open(tmp_path / "torn") as torn:
        torn.positions.attach("stackstate", "identity of stackstate")
        assert drain(torn, "stackstate") == [str(index) for index in range(49)]
        assert not torn.records.wait("stackstate", 0)


def test_vector_22946_a_single_event_does_not_wait_for_the_next(open_spool):
    spool = open_spool()
    got = []

    def deliver():
        spool.records.wait("stackstate", 30)
        got.extend(entries_of(spool.records.read("stackstate", max_events=1000, max_bytes=MEBIBYTE)))

    thread = threading.Thread(target=deliver)
    thread.start()
    spool.records.append([record_of("alone")])
    thread.join()
    assert got == ["alone"]


def test_vector_26325_what_is_dropped_is_counted_to_the_event(open_spool):
    spool = open_spool(Options(max_size_bytes=4 * MEBIBYTE))
    for index in range(300):
        spool.records.append([record_of(f"{index}", os.urandom(15_000).hex(), "x")])
    destination = spool.status().destinations[0]
    assert sum(destination.dropped.values()) + destination.waiting_events == 900
    assert sum(drop.count for drop in spool.notices.drops()) == sum(destination.dropped.values())


def test_fluent_bit_6995_memory_does_not_move_before_the_events_are_on_disk(tmp_path):
    def work(_tell):
        spool = Spool.open(tmp_path)
        spool.records.append([record_of("0")], owner="tail", remember={"offset": b"1"})
        die_at("append.rows")
        spool.records.append([record_of("1")], owner="tail", remember={"offset": b"2"})

    run_victim(work)
    with Spool.open(tmp_path) as spool:
        spool.positions.attach("stackstate", "identity")
        assert spool.memory("tail").get("offset") == b"1"
        assert drain(spool, "stackstate") == ["0"]


def test_fluent_bit_5166_a_large_backlog_costs_no_memory_at_a_start(open_spool, tmp_path):
    spool = open_spool()
    for _ in range(40):
        spool.records.append([record_of(os.urandom(15_000).hex()) for _ in range(50)])
    spool.close()
    program = (
        "import resource, sys; from pathlib import Path; from spool import Spool\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "spool = Spool.open(Path(sys.argv[1])); spool.close(); before = peak()\n"
        "spool = Spool.open(Path(sys.argv[2])); spool.positions.attach('stackstate', 'identity of stackstate'); spool.status()\n"
        "batch = spool.records.read('stackstate', max_events=20, max_bytes=1 << 20)\n"
        "spool.records.acknowledge('stackstate', batch.upto, delivered=batch.events); spool.close()\n"
        "print(peak() - before)\n"
    )
    grown = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "empty"), str(tmp_path / "spool")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(grown.stdout) * 1024 < 8 * MEBIBYTE
    assert resource.getpagesize() > 0


def test_fluent_bit_3060_the_size_limit_is_right_after_a_restart(open_spool, tmp_path):
    """Also fluent-bit#10494."""
    options = Options(max_size_bytes=4 * MEBIBYTE)
    for _ in range(3):
        spool = open_spool(options)
        for _ in range(120):
            spool.records.append([record_of(os.urandom(15_000).hex())])
            size = sum(path.lstat().st_size for path in (tmp_path / "spool").rglob("*") if path.is_file())
            assert size <= options.max_size_bytes


def test_otel_contrib_35899_a_corrupt_queue_does_not_stop_the_start(open_spool, tmp_path):
    """Also telegraf#18528, sensu-go#5044."""
    open_spool().close()
    for path in (tmp_path / "spool").glob("spool.db*"):
        path.write_bytes(os.urandom(20_000))
    spool = open_spool()
    spool.records.append([record_of("new")])
    wait_until(lambda: not spool.status().salvaging)
    assert drain(spool, "stackstate") == ["new"]


def test_otel_9451_a_queue_larger_than_a_new_limit_does_not_block_the_start(open_spool):
    """Also dd-agent#943."""
    spool = open_spool()
    for _ in range(20):
        spool.records.append([record_of(os.urandom(15_000).hex()) for _ in range(20)])
    spool = open_spool(Options(max_size_bytes=4 * MEBIBYTE))
    spool.records.append([record_of("new")])
    assert drain(spool, "stackstate")[-1] == "new"


def test_beats_32560_nothing_is_sent_again_after_a_restart(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a", "b", "c")])
    assert drain(spool, "stackstate", max_events=2) == ["a", "b", "c"]
    for _ in range(3):
        assert drain(open_spool(), "stackstate") == []


def test_telegraf_18085_many_callers_share_a_sync(open_spool):
    """One sync an item starved the collection there."""
    spool = open_spool()
    commits = []
    committed = spool._engine._writer._committed
    spool._engine._writer._committed = lambda store: (commits.append(1), committed(store))
    gate = threading.Event()
    blocker = threading.Thread(target=lambda: spool._engine.between(lambda _store: gate.wait(30)))
    blocker.start()
    threads = [threading.Thread(target=lambda: spool.records.append([record_of("x")])) for _ in range(20)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(spool._engine._writer._jobs) == 20)
    gate.set()
    for thread in [blocker, *threads]:
        thread.join()
    assert len(commits) == 2  # the blocker's own, and one for the twenty


def test_dd_agent_196_memory_stays_flat_while_nothing_can_be_delivered(tmp_path):
    program = (
        "import os, resource, sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from spool_examples import record_of; from spool import Options, Spool\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "spool = Spool.open(Path(sys.argv[1]), Options(max_size_bytes=8 << 20)); spool.positions.attach('dead', 'dead')\n"
        "def more(count):\n"
        "    for _ in range(count): spool.records.append([record_of(os.urandom(15_000).hex())])\n"
        "more(100); before = peak(); more(1500); print(peak() - before); spool.close()\n"
    )
    grown = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "spool")], check=True, capture_output=True, text=True
    )
    assert int(grown.stdout) * 1024 < 4 * MEBIBYTE
