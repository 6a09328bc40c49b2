"""The stored shape is read in one place, and setting a field of an event leaves every other as it came."""

import json

import pytest

from agent.events.stored_event import WIRE, StoredEvent, decode, read, with_fields
from collectors.event import Category, Event, encode

OURS = Event(
    name="custom", event_type="T", category=Category.OTHERS, title="t", text="x", timestamp=5, host="web-1"
)


def test_an_event_of_ours_reads_as_it_was_made():
    event = decode(encode(OURS))
    assert (event.event_type, event.title, event.text, event.source_type) == ("T", "t", "x", "custom")
    assert (event.host, event.tags, event.timestamp, event.context.category) == ("web-1", (), 5, "Others")


def test_every_key_of_an_event_of_ours_is_a_field_of_the_stored_shape():
    wire = json.loads(encode(OURS))
    assert {*wire, *wire["context"]} == {*WIRE.values()}


@pytest.mark.parametrize("body", [b"{}", b'{"msg_title": null, "context": null, "unknown": [1]}'])
def test_what_is_absent_or_null_is_none(body):
    assert decode(body) == StoredEvent()


def test_setting_fields_keeps_the_others_and_those_that_nobody_knows():
    body = b'{"unknown":1e2,"msg_title":null,"context":{"data":{"a":1.50},"more":[1, 2]}}'
    changed = with_fields(body, {"title": "t"}, {"source": "s"})
    assert (
        changed == b'{"unknown":1e2,"msg_title":"t","context":{"data":{"a":1.50},"more":[1, 2],"source":"s"}}'
    )


@pytest.mark.parametrize("context", [b"", b',"context":null'])
def test_a_context_that_is_missing_is_made(context):
    assert json.loads(with_fields(b'{"a":1%b}' % context, {}, {"source": "s"})) == {
        "a": 1,
        "context": {"source": "s"},
    }


@pytest.mark.parametrize("body", [b"", b"[]", b'"\\ud800"', b'{"tags": 1}', b"[" * 5000, b'{"host": "\xff"}'])
def test_a_row_that_holds_no_event_is_none(body):
    assert read(body) is None
