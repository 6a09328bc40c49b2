"""Records are numbered by the spool itself: never one number twice, and one page of the -wal for a record that is small."""

import sqlite3

from spool_examples import drain, record_of

from spool import Spool, schema
from spool.schema import PAGE_BYTES, Schema

FRAME_BYTES = PAGE_BYTES + 24
BEFORE = Schema(3, schema.TABLES)


def test_a_small_record_is_a_page_of_the_wal_and_now_and_then_one_more(open_spool, tmp_path):
    spool = open_spool()
    wal = tmp_path / "spool/spool.db-wal"
    spool.records.append([record_of("warm")])
    before = wal.stat().st_size
    for number in range(60):
        spool.records.append([record_of(f"{number}")])
    assert (wal.stat().st_size - before) / FRAME_BYTES < 1.6 * 60


def test_numbers_go_on_when_everything_is_deleted_and_both_copies_of_the_state_are_damaged(
    open_spool, tmp_path
):
    spool = open_spool()
    for number in range(5):
        last = spool.records.append([record_of(f"{number}")])
    drain(spool, "stackstate")
    spool.positions.detach("stackstate")
    spool._engine.write(lambda store: spool._engine.cap.give_way(store, 1000, "full", 0.0))
    spool.close()
    database = sqlite3.connect(tmp_path / "spool/spool.db")
    database.executescript("UPDATE state_a SET crc = 1; UPDATE state_b SET crc = 1;")
    assert database.execute("SELECT count(*) FROM records").fetchone() == (0,)
    database.close()
    assert open_spool().records.append([record_of("next")]) > last


def test_a_spool_of_the_schema_before_keeps_all_it_has_and_is_numbered_by_us_from_then_on(tmp_path):
    directory = tmp_path / "spool"
    with Spool.open(directory, schema=BEFORE) as spool:
        spool.positions.attach("stackstate", "it")
        last = spool.records.append([record_of("old")])
        spool.records.append([], owner="host", remember={"mark": b"1"})
    with Spool.open(directory) as spool:
        assert spool.recovery is None
        assert spool.memory("host").get("mark") == b"1"
        assert spool.records.append([record_of("new")]) == last + 1
        spool.positions.attach("stackstate", "it")
        assert drain(spool, "stackstate") == ["old", "new"]
    database = sqlite3.connect(directory / "spool.db")
    assert schema.version_of(database) == schema.SCHEMA.version
    assert schema.layout_of(database) >= schema.SCHEMA.layout()
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (
        "AUTOINCREMENT"
        not in database.execute("SELECT sql FROM sqlite_master WHERE name = 'records'").fetchone()[0]
    )
    database.close()
