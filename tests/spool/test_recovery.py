"""Whatever is in the files, the spool opens at once, and what can be read comes back."""

import os
import shutil
import sqlite3

import pytest
from spool_examples import drain, record_of, wait_until

from spool import Options, Position, Rejection, Spool, SpoolError, SpoolReader, schema

RECORDS = 400


def entry(index):
    return f"{index:04}-" + os.urandom(300).hex()


@pytest.fixture
def filled(open_spool, tmp_path):
    """Return a spool of 400 records, 100 of them delivered, with memory and a refused entry, closed."""
    spool = open_spool()
    entries = [entry(index) for index in range(RECORDS)]
    for start in range(0, RECORDS, 20):
        spool.records.append([record_of(text) for text in entries[start : start + 20]])
    batch = spool.records.read("stackstate", max_events=100, max_bytes=1 << 20)
    rejection = Rejection(Position(100, 0), "custom", entries[99].encode(), "400", 400)
    spool.records.acknowledge("stackstate", batch.upto, delivered=99, rejected=[rejection])
    for number in range(300):
        spool.records.append([], owner="files", remember={f"/etc/{number}": os.urandom(60)})
    spool.records.append([], owner="host", remember={"boot_id": b"b"})
    spool.close()
    return tmp_path / "spool", entries


def salvaged(spool):
    wait_until(lambda: not spool.status().salvaging)
    return spool


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_a_lost_first_page_loses_no_record_and_no_position(filled, open_spool):
    directory, entries = filled
    overwrite(directory / "spool.db", 0, bytes(4096))
    spool = open_spool()
    assert spool.recovery is not None
    assert spool.recovery.positions_kept
    spool.records.append([record_of("new")])
    salvaged(spool)
    assert drain(spool, "stackstate") == [*entries[100:], "new"]
    status = spool.status()
    destination = status.destinations[0]
    assert (destination.delivered_total, destination.waiting_events, destination.dropped) == (400, 0, {})
    assert (status.records, status.rejected) == (401, 1)
    (told,) = spool.notices.recoveries()
    assert (told.records_salvaged, told.events_lost, told.memory_lost) == (400, 0, ())
    assert len(dict(spool.memory("files").items())) == 300
    spool.notices.tell_recoveries([told])
    assert not spool.notices.recoveries()


def test_something_that_is_no_database_is_put_aside(filled, open_spool):
    directory, _ = filled
    (directory / "spool.db").write_bytes(b"no database at all\n" * 1000)
    spool = open_spool()
    spool.records.append([record_of("new")])
    salvaged(spool)
    assert drain(spool, "stackstate") == ["new"]
    assert (directory / "damaged/1/first-page").read_bytes().startswith(b"no database")


def test_a_zeroed_page_in_the_middle_loses_only_what_it_held(filled, open_spool):
    directory, entries = filled
    pages = (directory / "spool.db").stat().st_size // 4096
    overwrite(directory / "spool.db", pages // 2 * 4096, bytes(4096))
    spool = open_spool()
    delivered = drain(spool, "stackstate")
    while salvaged(spool).records.wait("stackstate", 0):
        delivered += drain(spool, "stackstate")
    assert set(delivered) <= set(entries)
    assert delivered == sorted(delivered)
    assert len(delivered) >= 300 - 8
    destination = spool.status().destinations[0]
    assert destination.delivered_total + destination.rejected_total + sum(destination.dropped.values()) == 400
    assert destination.waiting_events == 0


def test_a_missing_database_beside_its_wal_is_salvaged(open_spool, tmp_path):
    spool = open_spool()
    spool.records.append([record_of("a"), record_of("b")])
    left = tmp_path / "left"
    shutil.copytree(tmp_path / "spool", left)
    spool.close()
    (left / "spool.db").unlink()
    with Spool.open(left) as spool:
        spool.positions.attach("stackstate", "identity of stackstate")
        salvaged(spool)
        assert drain(spool, "stackstate") == ["a", "b"]


def test_a_removed_database_is_a_fresh_start(filled, open_spool):
    directory, _ = filled
    (directory / "spool.db").unlink()
    spool = open_spool()
    assert spool.recovery is None
    spool.records.append([record_of("new")])
    assert drain(spool, "stackstate") == ["new"]


def test_an_older_schema_that_nothing_brings_up_is_kept_untouched_beside_a_fresh_spool(filled, open_spool):
    directory, _ = filled
    connection = sqlite3.connect(directory / "spool.db", isolation_level=None)
    connection.executescript(f"DROP TABLE records; {schema.version_statements(1)}")
    connection.close()
    before = (directory / "spool.db").read_bytes()
    spool = open_spool()
    assert spool.recovery.reason == "an earlier version made it"
    assert (directory / "older-schema/1/spool.db").read_bytes() == before
    spool.records.append([record_of("fresh")])
    assert drain(spool, "stackstate") == ["fresh"]


def test_a_newer_schema_is_kept_untouched_beside_a_fresh_spool(filled, open_spool):
    directory, _ = filled
    connection = sqlite3.connect(directory / "spool.db")
    connection.executescript(schema.version_statements(99))
    connection.close()
    before = (directory / "spool.db").read_bytes()
    spool = open_spool()
    assert spool.records.append([record_of("new")]) == 1
    assert (directory / "newer-schema/1/spool.db").read_bytes() == before


def test_a_directory_in_place_of_the_database_is_put_aside(filled, open_spool):
    directory, _ = filled
    (directory / "spool.db").unlink()
    (directory / "spool.db").mkdir()
    spool = open_spool()
    spool.records.append([record_of("new")])
    assert drain(salvaged(spool), "stackstate") == ["new"]


def test_a_flipped_bit_in_a_record_sets_that_record_aside(filled, open_spool):
    directory, entries = filled
    connection = sqlite3.connect(directory / "spool.db")
    connection.execute("UPDATE records SET hostname = 'other' WHERE number = 150")
    connection.execute("UPDATE records SET deflated = zeroblob(3) WHERE number = 101")
    connection.commit()
    connection.close()
    spool = open_spool()
    expected = [text for index, text in enumerate(entries[100:], 101) if index not in {101, 150}]
    assert drain(spool, "stackstate") == expected
    destination = spool.status().destinations[0]
    assert (destination.dropped, destination.waiting_events) == ({"damaged": 2}, 0)
    assert len(spool.notices.recoveries()) >= 1


def test_damage_that_shows_while_working_is_recovered_from_at_once(filled, open_spool):
    directory, _ = filled
    spool = open_spool()
    spool._engine.between(
        lambda store: store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    )
    size = (directory / "spool.db").stat().st_size
    for page in range(2, size // 4096):
        overwrite(directory / "spool.db", page * 4096, b"\xaa")
    for connection in (spool._engine._reader, spool._engine._writer.store.connection):
        connection.execute("PRAGMA cache_size = 0")
        connection.execute("PRAGMA shrink_memory")
    spool.records.append([record_of("new")])
    assert drain(salvaged(spool), "stackstate")[-1] == "new"
    assert spool.recovery is not None


def test_bad_memory_is_forgotten_whole_and_others_keep_theirs(filled, open_spool):
    directory, _ = filled
    connection = sqlite3.connect(directory / "spool.db")
    connection.execute("DELETE FROM memory WHERE owner = 'files' AND key = ?", (b"/etc/7",))
    connection.commit()
    connection.close()
    spool = open_spool()
    assert list(spool.memory("files").items()) == []
    assert spool.memory("host").get("boot_id") == b"b"
    assert [told.memory_lost for told in spool.notices.recoveries()] == [("files",)]
    spool.records.append([], owner="files", remember={"/etc/1": b"1"})
    assert list(open_spool().memory("files").items()) == [("/etc/1", b"1")]


def test_a_bad_position_resumes_at_the_oldest_kept(filled, open_spool):
    directory, entries = filled
    connection = sqlite3.connect(directory / "spool.db")
    for table in ("state_a", "state_b"):
        connection.execute(f"UPDATE {table} SET document = replace(document, '101', '201')")
    connection.commit()
    connection.close()
    spool = open_spool()
    assert drain(spool, "stackstate") == entries


def test_one_bad_copy_of_the_positions_costs_one_step_at_most(filled, open_spool):
    directory, entries = filled
    connection = sqlite3.connect(directory / "spool.db")
    (a,), (b,) = (
        connection.execute(f"SELECT sequence FROM {table}").fetchone() for table in ("state_a", "state_b")
    )
    newest = "state_a" if a > b else "state_b"
    connection.execute(f"UPDATE {newest} SET crc = crc + 1")
    connection.commit()
    connection.close()
    delivered = drain(open_spool(), "stackstate")
    assert delivered in (entries[100:], entries)


def test_an_interrupted_recovery_is_taken_up_again(filled, open_spool):
    directory, entries = filled
    overwrite(directory / "spool.db", 0, bytes(4096))
    aside = directory / "damaged" / "1"
    aside.mkdir(parents=True)
    (aside / "incomplete").touch()
    (directory / "spool.db").rename(aside / "spool.db")
    spool = salvaged(open_spool())
    assert drain(spool, "stackstate") == entries[100:]
    assert not (aside / "incomplete").exists()


def test_damaged_copies_stay_within_their_share_of_the_cap(open_spool, tmp_path):
    for _ in range(4):
        spool = open_spool()
        spool.close()
        (tmp_path / "spool/spool.db").write_bytes(os.urandom(700 << 10))
    spool = salvaged(open_spool(Options(max_size_bytes=16 << 20)))
    spool.housekeeping(trusted_time=False)
    assert len(list((tmp_path / "spool/damaged").iterdir())) == 2


def test_a_directory_that_cannot_be_used_gives_a_volatile_spool(tmp_path, caplog):
    (tmp_path / "file").touch()
    with Spool.open(tmp_path / "file" / "spool") as spool:
        assert "cannot be used" in spool.volatile
        spool.positions.attach("stackstate", "identity")
        spool.records.append([record_of("a")])
        assert drain(spool, "stackstate") == ["a"]
        assert spool.status().volatile == spool.volatile
        directory = spool.directory
    assert not directory.exists()
    assert "LOST" in caplog.text


def test_a_reader_is_told_what_a_damaged_spool_needs(filled):
    directory, _ = filled
    overwrite(directory / "spool.db", 0, b"garbage")
    with pytest.raises(Exception, match="repairs it when it starts"):
        SpoolReader.open(directory)


def test_a_recovery_that_fails_is_tried_again_and_promises_nothing_meanwhile(filled, open_spool):
    directory, entries = filled
    spool = open_spool()
    (directory / "damaged").write_text("in the way")
    with pytest.raises(SpoolError):
        spool._engine.write(lambda _store: refuse())
    with pytest.raises(SpoolError):
        spool.records.append([record_of("lost, and said so")])
    (directory / "damaged").unlink()
    spool.records.append([record_of("new")])
    assert drain(salvaged(spool), "stackstate") == [*entries[100:], "new"]


def refuse():
    error = sqlite3.DatabaseError("made up")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


@pytest.mark.parametrize("at", [*range(16, 100, 3), *range(3000, 4096, 61)])
def test_a_flip_anywhere_in_the_first_page_loses_nothing(filled, open_spool, at):
    directory, entries = filled
    with (directory / "spool.db").open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x10]))
    spool = open_spool()
    assert drain(salvaged(spool), "stackstate") == entries[100:]
    assert len(dict(spool.memory("files").items())) == 300
    assert spool.status().rejected == 1


def test_a_database_that_is_removed_while_in_use_is_written_again(open_spool, tmp_path):
    spool = open_spool()
    spool.records.append([record_of("a")], owner="files", remember={"key": b"1"})
    for path in (tmp_path / "spool").glob("spool.db*"):
        path.unlink()
    spool.records.append([record_of("b")])
    spool.housekeeping(trusted_time=False)
    spool.records.append([record_of("c")])
    spool = open_spool()
    assert spool.memory("files").get("key") == b"1"
    assert drain(spool, "stackstate") == ["a", "b", "c"]
