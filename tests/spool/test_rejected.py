"""What a destination refused is kept until a person or a retry is done with it, within bounds."""

from spool_examples import drain, record_of

from spool import Options, Position, Rejection, SpoolReader

MEBIBYTE = 1024 * 1024


def refuse(spool, *bodies, name="custom"):
    for body in bodies:
        spool.records.append([record_of(body)])
        batch = spool.records.read("stackstate", max_events=1, max_bytes=1000)
        rejection = Rejection(Position(batch.pieces[0].number, 0), name, body.encode(), "400: no", 400)
        spool.records.acknowledge("stackstate", batch.upto, delivered=0, rejected=[rejection])


def test_a_refused_entry_is_kept_with_its_reason(open_spool, wall, tmp_path):
    refuse(open_spool(), "a")
    spool = open_spool()
    (entry,) = spool.rejected.entries()
    assert (entry.name, entry.body, entry.reason, entry.status) == ("custom", b"a", "400: no", 400)
    assert (entry.destination, entry.event_time, entry.hostname) == ("stackstate", 1_700_000_000, "host-1")
    assert (entry.rejected_at, entry.retrying) == (wall.now, False)
    with SpoolReader.open(tmp_path / "spool") as reader:
        assert list(reader.rejected()) == [entry]
    assert spool.status().destinations[0].rejected_total == 1


def test_a_retry_leaves_the_list_only_when_accepted(open_spool):
    spool = open_spool()
    refuse(spool, "a", "b")
    first, second = spool.rejected.entries()
    assert spool.rejected.retry([first.id, second.id, 99]) == 2
    assert [entry.body for entry in spool.rejected.retries("stackstate")] == [b"a", b"b"]
    assert not spool.rejected.retries("another")
    spool.rejected.retried(first.id, accepted=False, reason="still no")
    spool.rejected.retried(second.id, accepted=True)
    (left,) = spool.rejected.entries()
    assert (left.id, left.reason, left.retrying) == (first.id, "still no", False)
    status = spool.status()
    assert (status.rejected, status.destinations[0].delivered_total) == (1, 1)


def test_what_was_refused_and_lost_goes_along_to_another_name_and_changes_places_with_it(open_spool):
    spool = open_spool(destinations=("stackstate", "other"))
    refuse(spool, "a")
    spool._engine.write(lambda store: (store.state.lose("stackstate", "age", 3, 1.0, 2.0), store.touch()))
    spool = open_spool(destinations=())
    spool.positions.attach("other", "identity of stackstate")
    spool.positions.attach("stackstate", "identity of other")
    assert spool.rejected.retry(None) == 1
    assert [entry.body for entry in spool.rejected.retries("other")] == [b"a"]
    spool.rejected.retried(spool.rejected.retries("other")[0].id, accepted=True)
    totals = {one.name: (one.delivered_total, one.dropped) for one in spool.status().destinations}
    assert totals == {"other": (1, {"age": 3}), "stackstate": (0, {})}


def test_what_a_destination_refused_that_is_there_no_more_is_not_retried(open_spool):
    spool = open_spool()
    refuse(spool, "a")
    spool.positions.detach("stackstate")
    assert (spool.rejected.retry(None), [one.retrying for one in spool.rejected.entries()]) == (0, [False])


def test_all_can_be_retried_or_discarded_at_once(open_spool):
    spool = open_spool()
    refuse(spool, "a", "b", "c")
    assert spool.rejected.retry(None) == 3
    assert spool.rejected.discard([spool.rejected.retries("stackstate")[0].id]) == 1
    assert spool.rejected.discard(None) == 2
    assert (list(spool.rejected.entries()), spool.status().rejected) == ([], 0)


def test_a_retry_wakes_who_waits(open_spool):
    spool = open_spool()
    refuse(spool, "a")
    seen = spool._engine.interrupts
    spool.rejected.retry(None)
    assert spool._engine.interrupts == seen + 1


def test_refused_entries_give_way_to_each_other_and_are_counted(open_spool):
    spool = open_spool(Options(max_size_bytes=16 * MEBIBYTE))
    for _ in range(15):
        refuse(spool, "x" * 190_000)
    status = spool.status()
    assert status.rejected < 15
    assert status.drops == {("stackstate", "rejected_full"): 15 - status.rejected}
    assert status.rejected_bytes <= 2 * MEBIBYTE
    assert drain(spool, "stackstate") == []
