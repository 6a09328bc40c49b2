"""Sematext's events become stored events and come back the same; every other event goes there whole."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events.stored_event import StoredContext, StoredEvent
from agent.systems.sematext.mapping import NAME, NotAnEvent, from_stored, parse_timestamp, to_stored

NOW = 1_764_000_000
VALUES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8) | st.lists(st.text(max_size=3))
TIMESTAMPS = st.sampled_from(
    ["2026-11-26T14:03:00+01:00", "2026-11-26T14:03:00+0100", "2026-11-26", "2026-11-26T14:03:00.123Z"]
)
POSTED = st.fixed_dictionaries(
    {"type": st.text(min_size=1, max_size=8), "message": st.text(min_size=1, max_size=8)},
    optional={
        "title": st.none() | st.text(max_size=3) | st.just("deployment"),
        "name": st.none() | st.text(max_size=3),
        "timestamp": TIMESTAMPS,
        "tags": st.lists(st.text(max_size=5)),
        "severity": VALUES,
        "os.host": st.text(max_size=8),
        "data": st.text(max_size=8),
        "anything": VALUES,
    },
).filter(lambda posted: posted["type"].strip() and posted["message"].strip())


def sent(event):
    """Return the JSON object that goes out, as the other side reads it."""
    stored = msgspec.json.decode(msgspec.json.encode(event), type=StoredEvent)
    return json.loads(msgspec.json.encode(from_stored(stored, NAME, "edge-01", {})))


@given(POSTED)
def test_what_came_in_goes_out_equal_but_for_nulls_and_a_timestamp(posted):
    expected = {key: value for key, value in posted.items() if value is not None}
    out = sent(to_stored(posted, "", NOW))
    if "timestamp" not in expected:
        assert out.pop("timestamp") == "2025-11-24T16:00:00+00:00"
    assert out == expected


def test_the_type_of_the_path_counts_where_the_body_has_none():
    assert sent(to_stored({"message": "m"}, "deployment", NOW))["type"] == "deployment"
    assert to_stored({"message": "m", "type": "own"}, "deployment", NOW).event_type == "own"


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [
        ("2026-11-26T14:03:00+01:00", 1795698180),
        ("2026-11-26T14:03:00+0100", 1795698180),
        ("2026-11-26T13:03:00Z", 1795698180),
        ("2026-11-26T13:03:00", 1795698180),
        ("2026-11-26", 1795651200),
        ("2016-12-31T23:59:60Z", 1483228800),
        ("20170101T055960.5+0600", 1483228800),
    ],
)
def test_a_timestamp_is_iso_8601_and_without_a_zone_utc(timestamp, seconds):
    assert parse_timestamp(timestamp) == seconds


@pytest.mark.parametrize(
    "timestamp",
    ["yesterday", "", 1764000000, "0001-01-01T00:00:00+14:00", True, [], "9999-12-31", "2016-12-31T23:60:60"],
)
def test_a_timestamp_that_is_none_is_refused(timestamp):
    with pytest.raises(NotAnEvent, match="timestamp"):
        to_stored({"type": "t", "message": "m", "timestamp": timestamp}, "", NOW)


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ({"message": "m"}, "type"),
        ({"type": "t"}, "message"),
        ({"type": "t", "message": "  "}, "message"),
        ({"type": 1, "message": "m"}, "type"),
        ({"type": "t", "message": None}, "message"),
        ({"type": "t", "message": "m", "title": 5}, "title"),
    ],
)
def test_what_the_receiver_requires_is_named_when_it_is_missing(posted, field):
    with pytest.raises(NotAnEvent, match=f"`{field}`"):
        to_stored(posted, "", NOW)


def test_it_arrives_at_other_systems_as_an_event_of_category_others_with_the_rest_in_data():
    posted = {
        "type": "server_start",
        "message": "Starting",
        "severity": "info",
        "tags": ["web", "env:prod"],
        "os.host": "db-1",
    }
    event = to_stored(posted, "", NOW)
    assert (event.event_type, event.title, event.text) == ("server_start", "server_start", "Starting")
    assert event.tags == ("tag:web", "env:prod")
    assert event.context.category == "Others"
    assert event.context.data["severity"] == "info"
    assert event.context.data["os.host"] == "db-1"


def test_any_other_event_goes_out_whole_with_what_has_no_place_as_text_in_data():
    event = StoredEvent(
        event_type="ConfigurationChangedEvent",
        title="hosts changed",
        text="",
        source_type="config",
        host="edge-01",
        tags=("env:prod",),
        timestamp=NOW,
        context=StoredContext(
            category="Changes",
            source="sts-agent",
            source_identifier="id-1",
            element_identifiers=("urn:host:/edge-01",),
            source_links=(),
            data={"path": "/etc/hosts", "changes": [{"key": "a", "old": 1, "new": 2}]},
        ),
    )
    out = from_stored(event, "config", "edge-01", {})
    rest = json.loads(out.pop("data"))
    assert out == {
        "type": "ConfigurationChangedEvent",
        "title": "hosts changed",
        "message": "hosts changed",
        "timestamp": "2025-11-24T16:00:00+00:00",
        "os.host": "edge-01",
        "tags": ["env:prod"],
    }
    assert rest["path"] == "/etc/hosts"
    assert rest["changes"] == [{"key": "a", "old": 1, "new": 2}]
    assert rest["source_identifier"] == "id-1"


def test_of_any_other_event_nothing_in_data_is_dropped_whatever_its_value_or_its_name():
    data = {"exit_code": 0, "old": "", "category": "mine", "source": "theirs"}
    event = StoredEvent(title="t", text=" \n", context=StoredContext(category="Alerts", data=data))
    out = from_stored(event, "custom", "edge-01", {"unknown": False})
    assert out["message"] == "t"
    assert json.loads(out["data"]) == data | {
        "event.category": "Alerts",
        "name": "custom",
        "unknown": False,
    }


def test_the_agents_own_tags_are_left_to_be_filled_in_where_a_message_has_none():
    assert to_stored({"type": "t", "message": "m"}, "", NOW).tags is None
    assert to_stored({"type": "t", "message": "m", "tags": []}, "", NOW).tags == ()
