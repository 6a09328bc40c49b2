"""Events become records of one name, bounded, and come back as they were."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events.chunk import (
    MAX_CHUNK_BYTES,
    MAX_CHUNK_EVENTS,
    SPLICED_BYTES,
    Captured,
    Stamp,
    chunk,
    entries,
)
from spool import compress

STAMP = Stamp("web-1", "boot", 12.5, 1_700_000_000.25, clock_trusted=True)


def captured(name: str = "custom", number: int = 0, text: str = "", **more) -> Captured:
    body = msgspec.json.encode({"number": number, "text": text})
    return Captured(name, body, 1_700_000_000 + number, more.get("event_type", "T"), more.get("tags", ()))


@given(
    st.lists(
        st.builds(captured, st.sampled_from(["a", "b"]), st.integers(0, 9), st.text(max_size=20_000)),
        max_size=200,
    )
)
def test_every_event_comes_back_once_in_the_order_of_its_name(events):
    records = chunk(events, STAMP, "test")
    for name in ("a", "b"):
        found = [body for record in records if record.name == name for body in entries(record)]
        assert found == [event.body for event in events if event.name == name]
    for record in records:
        assert record.count <= MAX_CHUNK_EVENTS
        assert record.segment.length <= MAX_CHUNK_BYTES + record.count or record.count == 1


def filled(sizes: list[int]) -> int:
    """Return how many chunks hold events of these sizes where each takes all that it may."""
    chunks, count, size_bytes = 0, MAX_CHUNK_EVENTS, 0
    for size in sizes:
        if count == MAX_CHUNK_EVENTS or size_bytes + size > MAX_CHUNK_BYTES:
            chunks, count, size_bytes = chunks + 1, 0, 0
        count, size_bytes = count + 1, size_bytes + size
    return chunks


@given(st.integers(1, 1000), st.integers(40, 1500), st.integers(0, 60), st.randoms(use_true_random=False))
def test_chunks_are_as_few_as_can_be_and_none_is_small_where_all_can_be_large(count, size, more, random):
    events = [captured(text="x" * (size + random.randint(0, more))) for _ in range(count)]
    records = chunk(events, STAMP, "test")
    sizes = [len(event.body) for event in events]
    assert len(records) == filled(sizes)
    if sum(sizes) >= len(records) * (SPLICED_BYTES + 2 * max(sizes)):
        assert min(record.segment.length for record in records) >= SPLICED_BYTES


def test_the_last_of_several_chunks_is_the_small_one_but_not_too_small():
    events = [captured(text="x" * 450) for _ in range(200)]
    lengths = [record.segment.length for record in chunk(events, STAMP, "test")]
    assert [record.count for record in chunk(events, STAMP, "test")] == [64, 64, 53, 19]
    assert SPLICED_BYTES <= lengths[-1] < SPLICED_BYTES + 2 * 475


def test_what_is_known_of_a_record_needs_no_decoding():
    (record,) = chunk(
        [
            captured(number=5, event_type="A", tags=("env:prod",)),
            captured(number=2, event_type="B", tags=("env:prod", "app:x")),
        ],
        STAMP,
        "files",
    )
    assert (record.first_time, record.last_time) == (1_700_000_002, 1_700_000_005)
    assert (record.event_types, record.tags) == (("A", "B"), ("env:prod", "app:x"))
    assert (record.hostname, record.boot_id, record.origin) == ("web-1", "boot", "files")


def test_nothing_makes_no_record():
    assert chunk([], STAMP, "test") == []


def test_a_record_that_holds_another_number_of_events_than_it_says_is_no_chunk():
    (record,) = chunk([captured(), captured()], STAMP, "test")
    lying = record._replace(segment=compress(b"{}"))
    with pytest.raises(ValueError, match="2 events holds 1"):
        entries(lying)
