"""The cap and the age: what gives way, in which order, and that every loss is counted."""

import os
import sqlite3
from contextlib import closing

import pytest
from spool_examples import drain, record_of

from spool import Moment, Options, Position, Rejection, SpoolFull, failpoints, stored_bytes

MEBIBYTE = 1024 * 1024
THIS_BOOT = "b" * 32
SMALL = Options(max_size_bytes=8 * MEBIBYTE)


def big(index):
    return record_of(f"{index:05}" + os.urandom(40_000).hex())


def fill(append):
    """Append until the spool refuses; return how often it did not."""
    for index in range(10_000):
        try:
            append(index)
        except SpoolFull:
            return index
    pytest.fail("the spool never refused")


def size_of(directory):
    return sum(path.lstat().st_size for path in directory.rglob("*")) + directory.lstat().st_size


def test_the_directory_never_outgrows_its_cap_and_the_oldest_give_way(open_spool, tmp_path):
    spool = open_spool(SMALL)
    largest = 0
    for index in range(400):
        spool.records.append([big(index)])
        largest = max(largest, size_of(tmp_path / "spool"))
    assert largest <= SMALL.max_size_bytes
    status = spool.status()
    destination = status.destinations[0]
    kept = [entry[:5] for entry in drain(spool, "stackstate")]
    assert kept == [f"{index:05}" for index in range(400 - len(kept), 400)]
    assert len(kept) > 50
    assert destination.dropped == {"full": 400 - len(kept)}
    assert destination.waiting_events == len(kept)


def test_the_cap_holds_after_a_restart(open_spool, tmp_path):
    spool = open_spool(SMALL)
    for index in range(200):
        spool.records.append([big(index)])
        if index % 50 == 49:
            spool = open_spool(SMALL)
    assert size_of(tmp_path / "spool") <= SMALL.max_size_bytes


def test_a_lowered_cap_is_reached_without_blocking_anything(open_spool, tmp_path):
    spool = open_spool(Options(max_size_bytes=32 * MEBIBYTE))
    for index in range(400):
        spool.records.append([big(index)])
    spool = open_spool(SMALL)
    spool.records.append([big(400)])
    spool.housekeeping(trusted_time=False)
    assert size_of(tmp_path / "spool") <= SMALL.max_size_bytes
    kept = [entry[:5] for entry in drain(spool, "stackstate")]
    assert kept == [f"{index:05}" for index in range(401 - len(kept), 401)]
    assert spool.status().drops == {("stackstate", "full"): 401 - len(kept)}


def test_delivered_history_gives_way_first_and_is_no_loss(open_spool):
    spool = open_spool(SMALL)
    for index in range(300):
        spool.records.append([big(index)])
        if index < 267:
            drain(spool, "stackstate")
    status = spool.status()
    assert status.drops == {}
    assert status.destinations[0].waiting_events == 33
    assert 33 < status.records < 300


def test_refused_entries_give_way_before_what_is_undelivered(open_spool):
    spool = open_spool(SMALL)
    spool.records.append([record_of("refused")])
    spool.records.acknowledge(
        "stackstate",
        Position(2, 0),
        delivered=0,
        rejected=[Rejection(Position(1, 0), "n", b"x" * 9000, "no")],
    )
    for index in range(50):
        spool.records.append([big(index)])
    assert spool.status().rejected == 1
    for index in range(160):
        spool.records.append([big(index)])
    assert spool.status().drops[("stackstate", "rejected_full")] == 1


def test_reject_new_keeps_what_is_there_and_refuses_the_rest(open_spool):
    spool = open_spool(Options(max_size_bytes=8 * MEBIBYTE, when_full="reject_new"))
    kept = fill(
        lambda index: spool.records.append(
            [big(index)],
            owner="files",
            remember={"last": b"%d" % index},
            refusable_bytes=stored_bytes([big(index)]),
        )
    )
    assert spool.memory("files").get("last") == b"%d" % (kept - 1)
    assert [entry[:5] for entry in drain(spool, "stackstate")] == [f"{index:05}" for index in range(kept)]
    assert spool.status().drops == {}
    spool.records.append([big(kept)])


def test_memory_never_gives_way(open_spool):
    spool = open_spool(SMALL)
    fill(lambda index: spool.records.append([], owner="files", remember={f"{index:05}": os.urandom(40_000)}))
    assert spool.status().memory_bytes > 4 * MEBIBYTE
    spool.records.append([], owner="files", remember={"00000": b"1"})


def test_every_destination_counts_its_own_losses(open_spool):
    spool = open_spool(SMALL, destinations=("fast", "dead"))
    for index in range(270):
        spool.records.append([big(index)])
        drain(spool, "fast")
    status = spool.status()
    fast, dead = status.destinations
    assert (fast.delivered_total, fast.dropped) == (270, {})
    assert dead.dropped["full"] + dead.waiting_events == 270


def test_a_drop_is_told_once_and_what_comes_later_is_told_later(open_spool):
    spool = open_spool(SMALL)
    for index in range(200):
        spool.records.append([big(index)])
    (drop,) = spool.notices.drops()
    assert (drop.destination, drop.reason) == ("stackstate", "full")
    assert drop.count == spool.status().drops[("stackstate", "full")]
    spool.notices.tell_drops([drop], spool.records.append([record_of("told")]))
    assert not spool.notices.drops()
    spool = open_spool(SMALL)
    assert not spool.notices.drops()
    for index in range(33):
        spool.records.append([big(index)])
    (later,) = spool.notices.drops()
    assert later.count == spool.status().drops[("stackstate", "full")] - drop.count


def test_drops_are_news_until_somebody_takes_note_of_them(open_spool):
    spool = open_spool(SMALL)
    for index in range(300):
        spool.records.append([big(index)])
    (found,) = spool.status().destinations
    assert found.dropped_lately == found.dropped["full"] > 0
    assert spool.notices.acknowledge_drops() == found.dropped_lately
    spool = open_spool(SMALL)
    assert spool.status().destinations[0].dropped_lately == 0
    for index in range(33):
        spool.records.append([big(index)])
    assert 0 < spool.status().destinations[0].dropped_lately < found.dropped_lately


def test_drops_are_told_again_where_what_told_them_was_dropped_itself(open_spool):
    spool = open_spool(SMALL)
    for index in range(400):
        spool.records.append([big(index)])
        if index % 100 == 99 and (drops := spool.notices.drops()):
            spool.notices.tell_drops(drops, spool.records.append([record_of(f"dropped {drops[0].count}")]))
            spool = open_spool(SMALL)
    untold = sum(drop.count for drop in spool.notices.drops())
    delivered = drain(spool, "stackstate")
    told = [int(entry.split()[1]) for entry in delivered if entry.startswith("dropped")]
    assert 0 < len(told) < 4
    assert sum(told) + untold == spool.status().drops[("stackstate", "full")]


def test_what_was_dropped_while_it_was_being_sent_counts_as_delivered(open_spool):
    spool = open_spool(SMALL)
    for index in range(33):
        spool.records.append([big(index)])
    batch = spool.records.read("stackstate", max_events=16, max_bytes=1 << 30)
    for index in range(200):
        spool.records.append([big(index)])
    before = spool.status().destinations[0]
    spool.records.acknowledge("stackstate", batch.upto, delivered=16)
    after = spool.status().destinations[0]
    assert after.delivered_total == 16
    assert after.dropped["full"] == before.dropped["full"] - 16
    assert after.waiting_events + after.dropped["full"] + 16 == 233


def test_undelivered_records_are_dropped_with_age_and_counted(open_spool, wall):
    spool = open_spool(Options(max_age_seconds=100, keep_delivered_seconds=100))
    spool.records.append([record_of("old", "older", captured=wall.now - 200)])
    spool.records.append([record_of("new", captured=wall.now - 50)])
    spool.housekeeping(trusted_time=False)
    assert spool.status().drops == {}
    spool.housekeeping(trusted_time=True)
    assert spool.status().drops == {("stackstate", "age"): 2}
    assert drain(spool, "stackstate") == ["new"]


def test_delivered_records_stay_for_as_long_as_they_are_kept(open_spool, wall):
    spool = open_spool(Options(keep_delivered_seconds=100))
    spool.records.append([record_of("a", captured=wall.now)])
    drain(spool, "stackstate")
    wall.now += 99
    spool.housekeeping(trusted_time=True)
    assert spool.status().records == 1
    wall.now += 2
    spool.housekeeping(trusted_time=True)
    status = spool.status()
    assert (status.records, status.drops) == (0, {})


def test_a_clock_that_was_wrong_makes_nothing_old_or_eternal(open_spool, wall):
    spool = open_spool(Options(max_age_seconds=100, keep_delivered_seconds=100))
    spool.records.append([record_of("1970", captured=5.0, clock_trusted=False)])
    spool.records.append([record_of("2099", captured=wall.now + 1e9)])
    spool.housekeeping(trusted_time=True)
    assert spool.status().events == 2
    spool.records.append([record_of("now", captured=wall.now)])
    wall.now += 101
    spool.records.append([record_of("new", captured=wall.now)])
    spool.housekeeping(trusted_time=True)
    assert drain(spool, "stackstate") == ["new"]


def test_within_one_boot_its_own_clock_tells_how_old_a_record_is(open_spool, wall):
    spool = open_spool(Options(max_age_seconds=100, keep_delivered_seconds=100))
    spool.records.append([record_of("old", captured=wall.now, boottime=10.0, clock_trusted=False)])
    spool.records.append([record_of("new", captured=wall.now, boottime=60.0)])
    ten_years_on = wall.now + 315_360_000
    spool.housekeeping(trusted_time=True, now=Moment(ten_years_on, boottime=105.0, boot_id=THIS_BOOT))
    assert spool.status().drops == {}
    spool.housekeeping(trusted_time=True, now=Moment(ten_years_on, boottime=111.0, boot_id=THIS_BOOT))
    assert drain(spool, "stackstate") == ["new"]


def test_numbers_go_on_after_everything_was_pruned(open_spool, wall):
    spool = open_spool(Options(keep_delivered_seconds=1))
    last = spool.records.append([record_of("a", captured=wall.now), record_of("b", captured=wall.now)])
    drain(spool, "stackstate")
    wall.now += 10
    spool.housekeeping(trusted_time=True)
    spool = open_spool()
    assert spool.status().records == 0
    assert spool.records.append([record_of("c")]) == last + 1
    assert drain(spool, "stackstate") == ["c"]


def test_space_is_given_back_when_the_backlog_is_gone(open_spool, tmp_path, wall):
    spool = open_spool(Options(keep_delivered_seconds=1))
    for index in range(0, 300, 10):
        spool.records.append([big(at) for at in range(index, index + 10)])
    before = size_of(tmp_path / "spool")
    drain(spool, "stackstate")
    wall.now += 1e6
    spool.housekeeping(trusted_time=True)
    assert size_of(tmp_path / "spool") < before / 3


def test_housekeeping_keeps_a_wal_within_its_limit_and_what_comes_next_is_written_over_it(
    open_spool, tmp_path
):
    spool = open_spool()
    wal = tmp_path / "spool/spool.db-wal"
    for _ in range(20):
        spool.records.append([record_of("before")])
    grown = wal.stat().st_size
    spool.housekeeping(trusted_time=True)
    kept = wal.stat().st_size
    spool.records.append([record_of("after")])
    assert grown <= kept == wal.stat().st_size


def test_housekeeping_gives_back_a_wal_that_a_reader_let_grow_beyond_its_limit(open_spool, tmp_path):
    spool = open_spool(Options(max_size_bytes=64 * MEBIBYTE))
    wal = tmp_path / "spool/spool.db-wal"
    limit_bytes = spool._engine.cap.wal_limit_bytes
    with closing(sqlite3.connect(tmp_path / "spool/spool.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        for _ in range(40):
            spool.records.append([big(0)])
        assert wal.stat().st_size > limit_bytes
    spool.records.append([record_of("after")])
    spool.housekeeping(trusted_time=True)
    assert wal.stat().st_size <= limit_bytes


def test_a_full_wal_is_written_back_once_and_then_used_again(open_spool):
    spool = open_spool(Options(max_size_bytes=16 * MEBIBYTE))
    reached = []
    failpoints.arm(reached.append)
    try:
        for _ in range(100):
            spool.records.append([big(0)])
    finally:
        failpoints.disarm()
    assert 1 <= reached.count("checkpoint.before") < 25


def test_a_cloned_image_delivers_nothing_of_the_original(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a", "b"), record_of("c")])
    assert spool.positions.set_aside_undelivered("another machine") == 3
    spool.records.append([record_of("d")])
    assert drain(spool, "stackstate") == ["d"]
    assert spool.status().drops == {("stackstate", "another machine"): 3}
