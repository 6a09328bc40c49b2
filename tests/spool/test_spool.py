"""The everyday life of a spool: append, read, acknowledge, remember."""

import threading

import pytest
from spool_examples import drain, entries_of, record_of

from spool import Position, Spool, SpoolError, SpoolLocked, SpoolReader


def test_what_was_appended_is_read_in_order(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a", "b"), record_of("c")])
    spool.records.append([record_of("d")])
    batch = spool.records.read("stackstate", max_events=10, max_bytes=1000)
    assert entries_of(batch) == ["a", "b", "c", "d"]
    assert (batch.events, batch.upto, batch.hostname) == (4, Position(4, 0), "host-1")


def test_a_record_comes_back_as_it_was(open_spool):
    spool = open_spool()
    record = record_of("ä", tags=("a:ü", "b:,"), event_types=(), hostname="", clock_trusted=False)
    spool.records.append([record])
    batch = spool.records.read("stackstate", max_events=10, max_bytes=1000)
    assert batch.pieces[0].record == record
    assert batch.needs_correction


def test_thousands_of_keys_are_remembered_replaced_and_forgotten_at_once(open_spool):
    expected = {f"key-{number:05}": b"old" for number in range(1700)}
    spool = open_spool()
    spool.records.append([], owner="files", remember=expected)
    changes = {f"key-{number:05}": b"new" if number % 3 else None for number in range(200, 2400)}
    spool.records.append([], owner="files", remember=changes)
    expected = {key: value for key, value in (expected | changes).items() if value is not None}
    assert dict(spool.memory("files").items()) == expected
    assert spool.status().memory_bytes == sum(len(key) + len(value) + 64 for key, value in expected.items())
    assert dict(open_spool().memory("files").items()) == expected, "the totals fit, so nothing was forgotten"


def test_what_was_acknowledged_is_not_read_again_after_a_restart(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a"), record_of("b")])
    batch = spool.records.read("stackstate", max_events=1, max_bytes=1000)
    spool.records.acknowledge("stackstate", batch.upto, delivered=1)
    assert drain(open_spool(), "stackstate") == ["b"]


def test_a_record_is_cut_only_when_it_is_larger_than_a_batch_may_be(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a", "b", "c"), record_of("d", "e")])
    assert entries_of(spool.records.read("stackstate", max_events=4, max_bytes=1000)) == ["a", "b", "c"]
    batch = spool.records.read("stackstate", max_events=2, max_bytes=1000)
    assert entries_of(batch) == ["a", "b"]
    assert batch.upto == Position(1, 2)
    spool.records.acknowledge("stackstate", batch.upto, delivered=2)
    assert entries_of(spool.records.read("stackstate", max_events=2, max_bytes=1000)) == ["c"]


def test_a_batch_holds_one_hostname_and_one_kind_of_clock(open_spool):
    spool = open_spool()
    spool.records.append(
        [
            record_of("a"),
            record_of("b", hostname="host-2"),
            record_of("c", hostname="host-2", clock_trusted=False),
            record_of("d", hostname=""),
        ]
    )
    seen = []
    while (batch := spool.records.read("stackstate", max_events=10, max_bytes=1000)).pieces:
        seen.append((entries_of(batch), batch.hostname, batch.needs_correction))
        spool.records.acknowledge("stackstate", batch.upto, delivered=batch.events)
    assert seen == [
        (["a"], "host-1", False),
        (["b"], "host-2", False),
        (["c"], "host-2", True),
        (["d"], "", True),
    ]


def test_a_batch_stays_below_its_bytes_but_is_never_empty(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a" * 100), record_of("b" * 100), record_of("c" * 100)])
    assert spool.records.read("stackstate", max_events=10, max_bytes=210).events == 2
    assert spool.records.read("stackstate", max_events=10, max_bytes=5).events == 1


def test_memory_is_there_after_a_restart_and_forgets_what_it_is_told_to(open_spool):
    spool = open_spool()
    spool.records.append([], owner="files", remember={"/b": b"2", "/a": b"1", "other": b""})
    spool.records.append([record_of("x")], owner="files", remember={"/b": None})
    memory = open_spool().memory("files")
    assert list(memory.items()) == [("/a", b"1"), ("other", b"")]
    assert list(memory.items("/")) == [("/a", b"1")]
    assert (memory.get("/a"), memory.get("/b")) == (b"1", None)


def test_file_names_that_are_no_utf8_are_remembered_as_they_are(open_spool):
    spool = open_spool()
    name = b"/etc/\xff\xfe".decode("utf-8", "surrogateescape")
    spool.records.append([], owner="files", remember={name: b"1"})
    assert list(spool.memory("files").items("/etc/")) == [(name, b"1")]


def test_memory_is_paged_in_key_order(open_spool):
    spool = open_spool()
    expected = {f"{number:05}": str(number).encode() for number in range(1234)}
    spool.records.append([], owner="files", remember=expected)
    assert list(spool.memory("files").items()) == list(expected.items())


def test_owners_do_not_see_each_others_memory(open_spool):
    spool = open_spool()
    spool.records.append([], owner="a", remember={"key": b"1"})
    spool.records.append([], owner="b", remember={"key": b"2"})
    spool.forget("a")
    assert (spool.memory("a").get("key"), spool.memory("b").get("key")) == (None, b"2")


def test_a_waiting_destination_is_woken_by_an_append(open_spool):
    spool = open_spool()
    woken = []
    thread = threading.Thread(target=lambda: woken.append(spool.records.wait("stackstate", 30)))
    thread.start()
    spool.records.append([record_of("a")])
    thread.join()
    assert woken == [True]


def test_a_waiting_destination_is_woken_by_an_interrupt(open_spool):
    spool = open_spool()
    stop = threading.Event()
    woken = []
    thread = threading.Thread(target=lambda: woken.append(spool.records.wait("stackstate", 30, stop)))
    thread.start()
    stop.set()
    spool.records.interrupt()
    thread.join()
    assert woken == [False]


def test_nothing_waits_for_a_destination_that_has_everything(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a")])
    drain(spool, "stackstate")
    assert not spool.records.wait("stackstate", 0)


def test_a_second_writer_is_refused_and_told_who_holds_it(open_spool, tmp_path):
    open_spool()
    with pytest.raises(SpoolLocked) as locked:
        Spool.open(tmp_path / "spool")
    assert locked.value.holder_pid > 0
    assert str(locked.value.holder_pid) in str(locked.value)


def test_another_process_reads_beside_the_writer(open_spool, tmp_path):
    spool = open_spool()
    spool.records.append([record_of("a"), record_of("b")])
    with SpoolReader.open(tmp_path / "spool") as reader:
        assert [stored.number for stored in reader.records()] == [1, 2]
        assert [stored.number for stored in reader.records(newest_first=True)] == [2, 1]
        assert [stored.number for stored in reader.records(after=1)] == [2]
        status = reader.status()
    assert (status.records, status.events, status.destinations[0].waiting_events) == (2, 2, 2)


def test_reading_where_there_is_no_spool_says_so(tmp_path):
    with pytest.raises(SpoolError, match="there is no spool"):
        SpoolReader.open(tmp_path)


def test_the_first_destination_gets_what_was_kept_before_it_came(open_spool):
    spool = open_spool(destinations=())
    spool.records.append([record_of("a")])
    spool.positions.attach("first", "identity")
    assert drain(spool, "first") == ["a"]


def test_a_destination_added_beside_others_starts_now_unless_told_otherwise(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a")])
    spool.positions.attach("later", "other", "now")
    spool.positions.attach("archive", "third", "oldest")
    spool.records.append([record_of("b")])
    assert drain(spool, "later") == ["b"]
    assert drain(spool, "archive") == ["a", "b"]


def test_the_same_identity_under_a_new_name_keeps_its_position(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a")])
    drain(spool, "stackstate")
    spool.records.append([record_of("b")])
    spool = open_spool(destinations=())
    spool.positions.attach("renamed", "identity of stackstate")
    assert drain(spool, "renamed") == ["b"]


def test_a_destination_in_place_of_another_starts_where_that_one_stood(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a")])
    drain(spool, "stackstate")
    spool.records.append([record_of("b")])
    spool.positions.detach("stackstate")
    spool.positions.attach("other", "elsewhere")
    assert drain(spool, "other") == ["b"]


def test_a_name_with_another_identity_beside_others_goes_on_where_it_stood(open_spool):
    spool = open_spool(destinations=("stackstate", "other"))
    spool.records.append([record_of("a")])
    drain(spool, "other")
    spool.records.append([record_of("b")])
    spool.positions.attach("other", "elsewhere")
    assert drain(spool, "other") == ["b"]
    assert {one.name: one.delivered_total for one in spool.status().destinations} == {
        "stackstate": 0,
        "other": 2,
    }


def test_identities_that_change_names_take_their_positions_along(open_spool):
    spool = open_spool(destinations=("one", "two"))
    spool.records.append([record_of("a")])
    drain(spool, "two")
    spool = open_spool(destinations=())
    spool.positions.attach("one", "identity of two")
    spool.positions.attach("two", "identity of one")
    assert [drain(spool, name) for name in ("one", "two")] == [[], ["a"]]


def test_many_threads_append_and_nothing_is_lost(open_spool):
    spool = open_spool()
    threads = [
        threading.Thread(
            target=lambda number=number: [
                spool.records.append([record_of(f"{number}-{index}")]) for index in range(20)
            ]
        )
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    delivered = drain(spool, "stackstate")
    assert sorted(delivered) == sorted(f"{number}-{index}" for number in range(8) for index in range(20))
    assert [entry for entry in delivered if entry.startswith("3-")] == [f"3-{index}" for index in range(20)]
