"""Filters look into as little as they must, and let pass what matches each list that is given."""

import json

import pytest

from agent.configuration.types import Only
from agent.delivery.filter import Filter
from agent.delivery.outgoing import chunks_of, chunks_on_disk
from spool import Batch, Piece, Position, Record, Segment, compress

EVENTS = [
    {"event_type": "A", "tags": ["env:prod"]},
    {"event_type": "B", "tags": ["env:prod", "x:y"]},
    {"event_type": "A", "tags": []},
    {"event_type": "C"},
]


def batch(*events, first=0, last=None):
    record = Record(
        name="custom",
        count=len(events),
        first_time=0,
        last_time=0,
        event_types=tuple({event.get("event_type", ""): None for event in events}),
        tags=tuple({tag: None for event in events for tag in event.get("tags", [])}),
        hostname="h",
        boot_id="b",
        boottime=0,
        captured=0,
        clock_trusted=True,
        segment=compress(json.dumps(events)[1:-1].encode()),
    )
    last = len(events) if last is None else last
    piece = Piece(7, record, first, last)
    return Batch((piece,), last - first, record.segment.length, Position(8, 0), "h")


@pytest.mark.parametrize(
    ("only", "passing"),
    [
        (Only(), [0, 1, 2, 3]),
        (Only(types=("A",)), [0, 2]),
        (Only(types=("A", "C")), [0, 2, 3]),
        (Only(tags=("env:prod",)), [0, 1]),
        (Only(tags=("x:y", "z:z")), [1]),
        (Only(types=("A",), tags=("env:prod",)), [0]),
        (Only(types=("D",)), []),
    ],
)
def test_an_event_passes_when_it_matches_each_list(only, passing):
    found = Filter(only).items(batch(*EVENTS))
    assert [item.position.entry for item in found if item.wanted] == passing
    assert [item.position.record for item in found] == [7, 7, 7, 7]


@pytest.mark.parametrize(
    ("only", "events", "certain"),
    [
        (Only(types=("D",)), EVENTS, False),
        (Only(types=("A",)), EVENTS, None),
        (Only(types=("A",)), [EVENTS[0], EVENTS[2]], True),
        (Only(tags=("x:y",)), EVENTS[1:2], True),
        (Only(tags=("q:q",)), EVENTS, False),
        (Only(types=("A",), tags=("q:q",)), EVENTS[:1], False),
    ],
)
def test_what_the_record_tells_is_not_decoded(only, events, certain):
    made = batch(*events)
    assert Filter(only).matches_record(made.pieces[0].record) is certain
    assert Filter(only).needs_decoding(made) is (certain is not True)


def test_a_record_begun_before_goes_on_at_its_position():
    made = batch(*EVENTS, first=1, last=3)
    assert json.loads(b"[" + chunks_on_disk(made.pieces)[0].json + b"]") == EVENTS[1:3]
    assert [item.position for item in Filter(Only()).items(made)] == [Position(7, 1), Position(7, 2)]


def test_a_whole_record_goes_out_undecoded():
    assert isinstance(chunks_on_disk(batch(*EVENTS).pieces)[0].json, Segment)


def test_events_are_grouped_by_name_in_order():
    found = Filter(Only(types=("A",))).items(batch(*EVENTS))
    made = chunks_of(item.event for item in found if item.wanted)
    assert [(chunk.name, json.loads(b"[" + chunk.json + b"]")) for chunk in made] == [
        ("custom", [EVENTS[0], EVENTS[2]])
    ]


def test_what_never_goes_to_a_destination_is_left_out_without_being_decoded():
    never = Filter(Only(), frozenset({"custom"}))
    made = batch(*EVENTS)
    assert never.matches_record(made.pieces[0].record) is False
    assert [item.wanted for item in never.items(made)] == [False] * 4


def test_records_of_another_kind_go_there_under_the_same_name():
    record = batch(*EVENTS).pieces[0].record._replace(kind="x/y")
    assert Filter(Only(), frozenset({"custom"})).matches_record(record) is True
