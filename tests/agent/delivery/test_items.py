"""Filters look into as little as they must, and let pass what matches each list that is given."""

import json

import pytest

from agent.configuration.types import Only
from agent.delivery.items import certainty, grouped, items, needs_looking, whole
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
    found = items(batch(*EVENTS), only)
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
    assert certainty(made.pieces[0].record, only) is certain
    assert needs_looking(made, only) is (certain is not True)


def test_a_record_begun_before_goes_on_at_its_position():
    made = batch(*EVENTS, first=1, last=3)
    assert json.loads(b"[" + whole(made)[0].json + b"]") == EVENTS[1:3]
    assert [item.position for item in items(made, Only())] == [Position(7, 1), Position(7, 2)]


def test_a_whole_record_goes_out_undecoded():
    assert isinstance(whole(batch(*EVENTS))[0].json, Segment)


def test_events_are_grouped_by_name_in_order():
    made = grouped(item for item in items(batch(*EVENTS), Only(types=("A",))) if item.wanted)
    assert [(entries.name, json.loads(b"[" + entries.json + b"]")) for entries in made] == [
        ("custom", [EVENTS[0], EVENTS[2]])
    ]
