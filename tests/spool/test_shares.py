"""Who may take how much: remembered texts a quarter, what is remembered a half, and neither costs a record."""

import json
import os
import sqlite3
from contextlib import closing

import pytest
from spool_examples import drain, record_of

from spool import Options, Position, Rejection, SpoolFull, stored_bytes
from spool.table import checksum

MEBIBYTE = 1024 * 1024
SMALL = Options(max_size_bytes=8 * MEBIBYTE)


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


def remember_text(spool, index, size_bytes=100_000):
    key = f"/etc/{index:05}"
    spool.records.append([], owner="files", remember={key: b"hash"}, texts={key: os.urandom(size_bytes)})


def test_texts_beyond_a_quarter_go_the_least_recently_changed_first_and_their_hashes_stay(
    open_spool, tmp_path
):
    spool = open_spool(SMALL)
    for index in range(450):
        remember_text(spool, index)
        if index == 15:
            remember_text(spool, 0)
    memory = spool.memory("files")
    kept = [index for index in range(450) if memory.text(f"/etc/{index:05}")]
    assert len(list(memory.items())) == 450
    assert kept == list(range(450 - len(kept), 450))
    status = spool.status()
    assert SMALL.max_size_bytes // 4 - 150_000 < status.text_bytes <= SMALL.max_size_bytes // 4
    assert status.texts_given_up == 450 - len(kept)
    assert size_of(tmp_path / "spool") <= SMALL.max_size_bytes


def test_a_text_that_was_changed_again_is_not_the_oldest_any_more(open_spool):
    spool = open_spool(SMALL)
    for index in range(15):
        remember_text(spool, index)
    remember_text(spool, 0)
    for index in range(100, 115):
        remember_text(spool, index)
    memory = spool.memory("files")
    assert memory.text("/etc/00000")
    assert memory.text("/etc/00001") is None


def test_a_text_costs_no_event_that_somebody_waits_for(open_spool, tmp_path):
    spool = open_spool(SMALL)
    for index in range(200):
        spool.records.append([record_of(f"{index:05}" + os.urandom(20_000).hex())])
        if spool.status().drops:
            break
    before = spool.status()
    for index in range(100):
        remember_text(spool, index)
    after = spool.status()
    assert after.drops == before.drops
    assert after.destinations[0].waiting_events == before.destinations[0].waiting_events
    assert after.texts_given_up > 0
    assert size_of(tmp_path / "spool") <= SMALL.max_size_bytes


def test_texts_give_way_before_an_undelivered_event_is_dropped(open_spool):
    spool = open_spool(SMALL)
    for index in range(15):
        remember_text(spool, index)
    count = 0
    while not spool.status().drops:
        spool.records.append([record_of(os.urandom(20_000).hex())])
        count += 1
    assert spool.status().text_bytes == 0
    assert spool.status().memory_bytes > 0
    assert count * 20_000 > 5 * MEBIBYTE


@pytest.mark.parametrize("known", [(), (0,), (63,), (64, 199), range(0, 200, 7), range(200)])
def test_of_many_at_once_some_may_be_there_already(open_spool, known):
    names = [f"/etc/{index:05}" for index in range(200)]
    spool = open_spool(SMALL)
    before = {names[index]: b"before" for index in known}
    spool.records.append([], owner="files", remember={"=look": b"1", **before}, texts=before)
    after = {name: name.encode() for name in names}
    spool.records.append([], owner="files", remember={**after, "=look": b"2"}, texts=after)
    text_bytes = spool.status().text_bytes
    spool.close()
    spool = open_spool(SMALL)  # where the totals do not fit the rows, all is forgotten
    memory = spool.memory("files")
    assert dict(memory.items()) == {**after, "=look": b"2"}
    assert {name: memory.text(name) for name in names} == after
    spool.records.append([], owner="files", remember=dict.fromkeys(names))
    assert (spool.status().text_bytes, dict(memory.items())) == (0, {"=look": b"2"})
    spool.records.append([], owner="files", remember=after, texts=after)
    assert spool.status().text_bytes == text_bytes > 0


def test_a_text_goes_with_its_key_and_stays_while_only_the_value_changes(open_spool):
    spool = open_spool()
    spool.records.append(
        [], owner="files", remember={"a": b"1", "b": b"1"}, texts={"a": b"text of a", "b": b"text of b"}
    )
    spool.records.append([], owner="files", remember={"a": b"2", "b": None})
    spool = open_spool()
    memory = spool.memory("files")
    assert (memory.get("a"), memory.text("a")) == (b"2", b"text of a")
    assert memory.text("b") is None
    spool.records.append([], owner="files", remember={"a": b"3"}, texts={"a": None})
    assert memory.text("a") is None
    assert spool.status().text_bytes == 0
    assert spool.status().texts_given_up == 0


def test_what_an_owner_forgets_whole_is_forgotten_with_its_texts(open_spool):
    spool = open_spool()
    spool.records.append([], owner="files", remember={"a": b"1"}, texts={"a": b"text"})
    spool.records.append([], owner="other", remember={"a": b"1"}, texts={"a": b"text"})
    spool.forget("files")
    assert spool.memory("files").text("a") is None
    assert spool.memory("other").text("a") == b"text"


def test_a_damaged_text_is_gone_and_costs_nothing_else(open_spool):
    spool = open_spool()
    spool.records.append([], owner="files", remember={"a": b"1"}, texts={"a": b"text"})
    spool._engine.between(lambda store: store.connection.execute("UPDATE texts SET text = x'00'"))
    assert spool.memory("files").text("a") is None
    assert spool.memory("files").get("a") == b"1"
    assert not spool.notices.recoveries()


def test_what_is_remembered_has_room_up_to_half_of_the_cap_and_what_is_known_goes_on(open_spool, tmp_path):
    spool = open_spool(SMALL)
    memory = spool.memory("files")
    count = 0
    while memory.has_room(4000 * 300):
        spool.records.append(
            [], owner="files", remember={f"/srv/{count:06}/{i:04}": os.urandom(150) for i in range(1000)}
        )
        count += 1
    assert size_of(tmp_path / "spool") <= SMALL.max_size_bytes * 5 // 8
    for _ in range(100):
        spool.records.append(
            [record_of(os.urandom(20_000).hex())], owner="files", remember={"/srv/000000/0000": b"new"}
        )
    assert memory.get("/srv/000000/0000") == b"new"
    assert spool.status().destinations[0].waiting_events > 20
    assert size_of(tmp_path / "spool") <= SMALL.max_size_bytes


def test_memory_beyond_its_share_and_the_cap_is_refused_but_what_is_known_goes_on(open_spool):
    spool = open_spool(SMALL)
    fill(lambda index: spool.records.append([], owner="files", remember={f"{index:05}": os.urandom(40_000)}))
    assert spool.status().memory_bytes > SMALL.max_size_bytes // 2
    spool.records.append([], owner="files", remember={"00000": os.urandom(40_000)})
    spool.records.append([], owner="files", remember=dict.fromkeys(("00000", "00001"), b"smaller"))


def test_a_lowered_cap_stops_nobody_who_only_changes_what_is_known(open_spool):
    spool = open_spool(Options(max_size_bytes=32 * MEBIBYTE))
    known = {f"{index:06}": os.urandom(900) for index in range(8000)}
    spool.records.append([], owner="files", remember=known)
    spool = open_spool(SMALL)
    assert not spool.memory("files").has_room(1)
    spool.records.append([], owner="files", remember={key: os.urandom(900) for key in list(known)[:2000]})
    spool.records.append([record_of("still")], owner="files", remember={"000000": b"1"})
    assert drain(spool, "stackstate") == ["still"]


def test_only_what_may_be_refused_is_refused_by_reject_new(open_spool):
    spool = open_spool(Options(max_size_bytes=8 * MEBIBYTE, when_full="reject_new"))

    def append(_):
        records = [record_of(os.urandom(20_000).hex())]
        spool.records.append(records, refusable_bytes=stored_bytes(records))

    kept = fill(append)
    assert spool.status().drops == {}
    for index in range(kept):
        spool.records.append([record_of(f"{index:05}" + os.urandom(20_000).hex())])
    assert spool.status().drops[("stackstate", "full")] > 0
    assert drain(spool, "stackstate")[-1][:5] == f"{kept - 1:05}"


def test_what_others_leave_beside_the_spool_pushes_out_nothing_of_the_hosts_own(open_spool, tmp_path):
    """A member of the group may put anything into `incoming/`: a file of a terabyte costs him nothing."""
    spool = open_spool(SMALL)
    records = fill_within(spool, 5 * MEBIBYTE)
    with (tmp_path / "spool/incoming/.junk").open("wb") as file:
        file.write(bytes(6 * MEBIBYTE))
        file.truncate(1 << 40)
    for number in range(20):
        (tmp_path / "spool/incoming" / f".{number}").write_bytes(bytes(MEBIBYTE // 2))
    spool.housekeeping(trusted_time=True)
    spool.records.append([record_of("one more")])
    spool = open_spool(SMALL)
    spool.housekeeping(trusted_time=True)
    assert spool.status().destinations[0].dropped == {}
    assert len(drain(spool, "stackstate")) == records + 1


def fill_within(spool, size_bytes):
    """Append so many bytes of records that do not compress; return how many records that is."""
    count = size_bytes // 22_000
    for _ in range(count):
        spool.records.append([record_of(os.urandom(20_000).hex())])
    return count


def long_key(index, size_bytes):
    return f"/srv/{index:06}/".ljust(size_bytes, "n")


def remember_while_there_is_room(spool, size_bytes, at_once=20):
    """Remember keys of so many bytes until there is no room for more."""
    memory = spool.memory("files")
    index = 0
    while memory.has_room(at_once * 2 * (size_bytes + 2500)):
        some = {long_key(index + more, size_bytes): bytes(60) for more in range(at_once)}
        spool.records.append([], owner="files", remember=some)
        index += at_once


@pytest.mark.parametrize("size_bytes", [300, 600, 900, 1000, 1500, 4000])
def test_what_is_remembered_costs_no_event_however_long_its_keys_are(open_spool, tmp_path, size_bytes):
    """A row of more than a quarter of a page takes pages of its own."""
    spool = open_spool(SMALL)
    spool.records.append([record_of(os.urandom(200_000).hex())])
    spool.records.append([record_of("the last")])
    remember_while_there_is_room(spool, size_bytes)
    status = spool.status()
    assert (status.destinations[0].waiting_events, status.drops) == (2, {})
    assert SMALL.max_size_bytes // 3 < status.memory_bytes <= SMALL.max_size_bytes // 2
    assert size_of(tmp_path / "spool") <= SMALL.max_size_bytes


def taken(spool):
    status = spool.status()
    return status.memory_bytes, status.text_bytes, status.rejected_bytes


def fill_with_long_rows(spool):
    keys = [long_key(index, size_bytes) for index, size_bytes in enumerate((20, 500, 1500, 4000))]
    for owner in ("files", "other"):
        spool.records.append(
            [], owner=owner, remember=dict.fromkeys(keys, b"1"), texts=dict.fromkeys(keys, b"text")
        )
    spool.records.append([record_of("refused")])
    upto = spool.records.read("stackstate", max_events=10, max_bytes=1 << 20).upto
    refused = Rejection(Position(1, 0), "custom", bytes(5000), "no", 400)
    spool.records.acknowledge("stackstate", upto, delivered=0, rejected=[refused])
    return keys


def test_long_rows_are_counted_as_they_come_and_go(open_spool):
    spool = open_spool()
    keys = fill_with_long_rows(spool)
    both = taken(spool)
    assert (both[0] > 4 * 4096, both[1] > 4 * 4096, both[2]) == (True, True, 8192)
    spool.records.append([], owner="files", remember=dict.fromkeys(keys))
    spool.rejected.discard(None)
    assert taken(spool) == (both[0] // 2, both[1] // 2, 0)
    spool = open_spool()
    assert taken(spool) == (both[0] // 2, both[1] // 2, 0)
    spool.forget("other")
    assert taken(spool) == (0, 0, 0)


def test_what_is_set_aside_as_damaged_costs_no_event_that_waits(open_spool, tmp_path):
    spool = open_spool(SMALL)
    for damaged in range(3):
        for _ in range(40):
            spool.records.append([record_of(os.urandom(60_000).hex())])
        spool._engine.between(
            lambda store: store.connection.execute("UPDATE records SET name = 'x' WHERE number > 0")
        )
        spool.records.append([record_of(f"whole {damaged}")])
        assert drain(spool, "stackstate") == [f"whole {damaged}"]
        assert spool._engine.read(set_aside_bytes) < SMALL.max_size_bytes // 8
    assert size_of(tmp_path / "spool") <= SMALL.max_size_bytes


def set_aside_bytes(connection):
    return connection.execute("SELECT sum(length(row)) FROM set_aside").fetchone()[0]


def as_an_earlier_version_wrote_it(document):
    return {**{key: value for key, value in document.items() if key != "long_bytes"}, "rejected_bytes": 5256}


@pytest.mark.parametrize("changed", [as_an_earlier_version_wrote_it, lambda _: "lost"])
def test_what_nobody_counted_is_counted_when_there_is_time(open_spool, tmp_path, changed):
    """Until then a start waits for nothing."""
    spool = open_spool()
    fill_with_long_rows(spool)
    expected = taken(spool)
    spool.close()
    with closing(sqlite3.connect(tmp_path / "spool/spool.db")) as database, database:
        for table in ("state_a", "state_b"):
            slot, sequence, document = database.execute(
                f"SELECT slot, sequence, document FROM {table}"
            ).fetchone()
            row = (slot, sequence, json.dumps(changed(json.loads(document))))
            database.execute(f"UPDATE {table} SET document = ?, crc = ?", (row[2], checksum("state", row)))
    spool = open_spool()
    assert taken(spool)[0] < expected[0]
    spool.housekeeping(trusted_time=False)
    assert taken(spool) == expected
    spool = open_spool()
    assert taken(spool) == expected
