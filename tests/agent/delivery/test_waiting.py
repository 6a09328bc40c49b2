"""What waits for a destination with a filter: only what it is going to get, whole records and parts of them alike."""

import json

import pytest

from agent.configuration.types import Only
from agent.delivery.filter import Filter
from agent.delivery.waiting import that_passes
from spool import EVENT, Position, Record, Spool, SpoolReader, compress

WANTED = Filter(Only(types=("Wanted",)))


def record(*kinds: str, at: int = 100, captured: float = 200.0, trusted: bool = True) -> Record:
    bodies = [json.dumps({"event_type": kind, "timestamp": at}).encode() for kind in kinds]
    return Record(
        name="custom",
        count=len(kinds),
        first_time=at,
        last_time=at,
        event_types=tuple(dict.fromkeys(kinds)),
        tags=(),
        hostname="h",
        boot_id="b",
        boottime=1.0,
        captured=captured,
        clock_trusted=trusted,
        segment=compress(b",".join(bodies)),
    )


@pytest.fixture
def found(tmp_path):
    def run(*records, done: Position | None = None, look_from_outside: bool = False, **more):
        with Spool.open(tmp_path / "spool") as spool:
            spool.positions.attach("x", "x", "oldest")
            for one in records:
                spool.records.append([one])
            if done is not None:
                spool.records.acknowledge("x", done, delivered=1)
            (standing,) = spool.status().destinations
            if not look_from_outside:
                return that_passes(standing, WANTED, {EVENT}, spool.records.look, **more)
            with SpoolReader.open(tmp_path / "spool") as reader:
                return that_passes(standing, WANTED, {EVENT}, reader.look)

    return run


@pytest.mark.parametrize("look_from_outside", [False, True])
def test_only_what_passes_is_counted_and_the_oldest_is_the_first_of_it(found, look_from_outside):
    standing = found(
        record("Other", "Other", at=1),
        record("Wanted", "Other", "Wanted", at=2, captured=7.0),
        record("Wanted", at=3),
        look_from_outside=look_from_outside,
    )
    assert (standing.waiting_events, standing.oldest_waiting_time, standing.waiting_since) == (3, 2, 7.0)
    assert 0 < standing.waiting_bytes < 3 * 60


def test_nothing_waits_where_nothing_passes(found):
    standing = found(record("Other"), record("Other", "Another"))
    assert (standing.waiting_events, standing.waiting_bytes, standing.oldest_waiting_time) == (0, 0, None)


def test_of_a_record_that_is_done_in_part_the_rest_is_counted(found):
    assert found(record("Wanted", "Wanted", "Other"), done=Position(1, 1)).waiting_events == 1


def test_a_clock_that_was_not_trusted_says_nothing_of_since_when(found):
    assert found(record("Wanted", trusted=False)).waiting_since is None


def test_behind_the_beginning_of_a_long_backlog_everything_is_counted(found):
    assert found(*[record("Other")] * 5, looked_at=2).waiting_events == 3


def test_what_cannot_be_read_is_counted_since_it_is_tried(found):
    whole = record("Wanted", "Other")
    broken = whole._replace(segment=compress(b"no json"))
    assert found(broken).waiting_events == 2
