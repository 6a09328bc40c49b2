"""The event model refuses what a receiver would refuse, and encodes what it would take."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.event import (
    FORBIDDEN_NAME_PREFIXES,
    MAX_EVENT_BYTES,
    AlertType,
    Category,
    Change,
    Event,
    EventError,
    Link,
    encode,
    new_identifier,
)


def an_event(**changes):
    fields = {
        "name": "custom",
        "event_type": "CustomEvent",
        "category": Category.OTHERS,
        "title": "A title",
        "text": "",
        "timestamp": 1_700_000_000,
    }
    return Event(**fields | changes)


@pytest.mark.parametrize("prefix", FORBIDDEN_NAME_PREFIXES)
def test_a_name_with_a_prefix_the_receiver_forbids_is_refused(prefix):
    with pytest.raises(EventError, match=prefix):
        an_event(name=prefix + "d.test")


@pytest.mark.parametrize("timestamp", [1_700_000_000_000, -1, 1.5, True, "1700000000", None])
def test_only_whole_seconds_since_the_epoch_are_a_timestamp(timestamp):
    with pytest.raises(EventError, match="seconds since the epoch"):
        an_event(timestamp=timestamp)


def test_a_host_without_a_clock_may_say_1970():
    assert an_event(timestamp=0).timestamp == 0


@pytest.mark.parametrize("tag", ["env", ":prod", ""])
def test_a_tag_without_key_and_colon_is_refused(tag):
    with pytest.raises(EventError, match="key:value"):
        an_event(tags=(tag,))


@pytest.mark.parametrize("field", ["name", "event_type", "title"])
def test_an_event_says_what_it_is(field):
    with pytest.raises(EventError, match="empty"):
        an_event(**{field: ""})


def test_data_holds_scalars_and_changes_alone_is_a_list():
    change = Change(key="http.port", old=80, new=None)
    event = an_event(data={"changes": (change,), "path": "/etc/x", "size": 1, "down": True, "mode": None})
    wire = json.loads(encode(event))
    assert wire["context"]["data"]["changes"] == [{"key": "http.port", "old": 80, "new": None}]
    with pytest.raises(EventError, match="scalars"):
        an_event(data={"list": ["a"]})
    with pytest.raises(EventError, match="scalars"):
        an_event(data={"other": (change,)})
    with pytest.raises(EventError, match="changes"):
        an_event(data={"changes": ("port",)})


def test_an_event_larger_than_one_record_of_the_receiver_is_refused():
    with pytest.raises(EventError, match="larger"):
        an_event(text="x" * MAX_EVENT_BYTES)


def test_escapes_count_towards_the_size():
    with pytest.raises(EventError, match="larger"):
        an_event(text="\x01" * (MAX_EVENT_BYTES // 5))


def test_an_event_is_a_value_that_nobody_changes():
    with pytest.raises(AttributeError):
        an_event().title = "another"


def test_an_event_keeps_one_identifier_from_capture_on():
    event = an_event()
    assert event.source_identifier
    assert json.loads(encode(event))["context"]["source_identifier"] == event.source_identifier
    assert msgspec.structs.replace(event, host="h").source_identifier == event.source_identifier
    assert an_event().source_identifier != event.source_identifier
    assert an_event(source_identifier="boot:1").source_identifier == "boot:1"


def test_the_wire_form_has_every_list_and_no_null_list():
    wire = json.loads(encode(an_event()))
    assert wire == {
        "context": {
            "category": "Others",
            "source": "sts-agent",
            "source_identifier": wire["context"]["source_identifier"],
            "element_identifiers": [],
            "source_links": [],
            "data": {},
        },
        "event_type": "CustomEvent",
        "msg_title": "A title",
        "msg_text": "",
        "source_type_name": "custom",
        "host": "",
        "tags": [],
        "timestamp": 1_700_000_000,
    }


def test_what_is_optional_is_sent_only_when_given():
    event = an_event(alert_type=AlertType.ERROR, links=(Link(title="docs", url="https://example.com"),))
    wire = json.loads(encode(event))
    assert wire["alert_type"] == "error"
    assert "priority" not in wire
    assert wire["context"]["source_links"] == [{"title": "docs", "url": "https://example.com"}]


@given(st.integers(min_value=0, max_value=2**40))
def test_an_identifier_is_a_uuid_of_version_7_that_sorts_by_time(seconds):
    earlier, later = new_identifier(seconds), new_identifier(seconds + 1)
    assert len(earlier) == 36
    assert earlier[14] == "7"
    assert earlier[19] in "89ab"
    assert int(earlier[:8] + earlier[9:13], 16) == seconds * 1000 % 2**48
    assert earlier < later or seconds * 1000 % 2**48 > (seconds + 1) * 1000 % 2**48


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/etc/\udcff.conf", "/etc/\\xff.conf"),
        ("half \ud800", "half \\ud800"),
        ("g\u00fcltig \U0001f600", "g\u00fcltig \U0001f600"),
        ("", ""),
    ],
)
def test_bytes_that_are_no_text_are_shown_escaped_wherever_they_stand_in_an_event(text, shown):
    event = an_event(
        event_type="E" + text,
        title="t" + text,
        text=text,
        tags=("k:" + text,),
        element_identifiers=("urn:" + text,),
        links=(Link("l", text),),
        data={"k" + text: text, "changes": (Change(text, text, None),)},
    )
    wire = json.loads(encode(event))
    assert (wire["event_type"], wire["msg_title"], wire["msg_text"]) == ("E" + shown, "t" + shown, shown)
    assert wire["tags"] == ["k:" + shown]
    context = wire["context"]
    assert context["element_identifiers"] == ["urn:" + shown]
    assert context["source_links"] == [{"title": "l", "url": shown}]
    assert context["data"] == {"k" + shown: shown, "changes": [{"key": shown, "old": shown, "new": None}]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, "9223372036854775808"),
        (16**20_000, "0x1" + "0" * 20_000),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (0.5, 0.5),
        (True, True),
        (None, None),
    ],
    ids=lambda value: str(value)[:9] if not isinstance(value, int) else hex(value)[:9],
)
def test_a_number_that_other_readers_cannot_hold_is_text(value, shown):
    event = an_event(data={"v": value, "changes": (Change("k", value, value),)})
    data = json.loads(encode(event))["context"]["data"]
    assert data == {"v": shown, "changes": [{"key": "k", "old": shown, "new": shown}]}


_ANYTHING = st.text(st.characters(exclude_categories=()))
_ANY_SCALAR = _ANYTHING | st.integers() | st.floats() | st.booleans() | st.none()


@given(_ANYTHING, st.dictionaries(_ANYTHING, _ANY_SCALAR))
def test_whatever_a_host_calls_things_its_event_can_be_encoded_and_read(text, data):
    event = an_event(title="t" + text, text=text, tags=("k:" + text,), data=data)
    assert isinstance(json.loads(encode(event)), dict)
