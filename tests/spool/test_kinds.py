"""Records of several kinds: each destination gets those it takes, in order, and passes over the others."""

from spool_examples import drain, entries_of, record_of

from spool import EVENT, Position, SpoolReader

METRICS = "stackstate/metrics"


def metrics(*entries, **changes):
    return record_of(*entries, kind=METRICS, **changes)


def test_other_kinds_are_passed_over_in_order_and_counted_as_filtered(open_spool):
    spool = open_spool()
    for index in range(5):
        spool.records.append([record_of(f"e{index}"), metrics(f"m{index}a", f"m{index}b")])
    assert drain(spool, "stackstate") == [f"e{index}" for index in range(5)]
    (status,) = spool.status().destinations
    assert (status.delivered_total, status.filtered_total, status.waiting_events) == (5, 10, 0)
    assert not spool.records.wait("stackstate", 0)


def test_who_takes_a_kind_gets_it_in_order_one_record_at_a_time(open_spool):
    spool = open_spool(destinations=())
    spool.positions.attach("both", "both", "oldest", kinds={EVENT, METRICS})
    spool.records.append(
        [record_of("e1"), record_of("e2"), metrics("m1"), metrics("m2", hostname=""), record_of("e3")]
    )
    batches = []
    while (batch := spool.records.read("both", max_events=100, max_bytes=1 << 20)).pieces:
        batches.append((batch.kind, entries_of(batch), batch.needs_correction))
        spool.records.acknowledge("both", batch.upto, delivered=batch.events)
    assert batches == [
        (EVENT, ["e1", "e2"], False),
        (METRICS, ["m1"], False),
        (METRICS, ["m2"], False),
        (EVENT, ["e3"], False),
    ]
    assert spool.status().destinations[0].filtered_total == 0


def test_a_batch_ends_before_another_kind_so_that_a_part_of_it_can_be_acknowledged(open_spool):
    spool = open_spool()
    spool.records.append([record_of("a", "b"), metrics("m"), record_of("c")])
    batch = spool.records.read("stackstate", max_events=100, max_bytes=1 << 20)
    assert entries_of(batch) == ["a", "b"]
    spool.records.acknowledge("stackstate", Position(1, 1), delivered=1)
    assert drain(spool, "stackstate") == ["b", "c"]
    (status,) = spool.status().destinations
    assert (status.delivered_total, status.filtered_total, status.dropped) == (3, 1, {})


def test_thousands_of_another_kind_starve_nobody(open_spool):
    spool = open_spool()
    for _ in range(20):
        spool.records.append([metrics(f"{index}") for index in range(150)])
    spool.records.append([record_of("late")])
    batch = spool.records.read("stackstate", max_events=10, max_bytes=1 << 20)
    assert entries_of(batch) == ["late"]
    spool.records.acknowledge("stackstate", batch.upto, delivered=1)
    (status,) = spool.status().destinations
    assert (status.filtered_total, status.waiting_events) == (3000, 0)


def test_a_kind_comes_back_as_it_was_after_a_restart_and_history_shows_events_alone(open_spool, tmp_path):
    spool = open_spool()
    spool.records.append([metrics("m"), record_of("e")])
    open_spool()
    with SpoolReader.open(tmp_path / "spool") as reader:
        assert [stored.record.name for stored in reader.records()] == ["custom"]
        (kept,) = reader.records(kind=METRICS)
        assert kept.record == metrics("m")


def test_what_was_passed_over_stays_passed_over_after_a_restart(open_spool):
    spool = open_spool()
    spool.records.append([metrics("m"), record_of("e")])
    assert drain(spool, "stackstate") == ["e"]
    spool = open_spool()
    assert drain(spool, "stackstate") == []
    assert spool.status().destinations[0].filtered_total == 1
