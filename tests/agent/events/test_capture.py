"""What the agent adds to events, and that they are in the spool when it returns."""

import json

import pytest

from agent.events.capture import Capture, Clocks
from agent.events.chunk import Captured, entries
from agent.events.identity import Identity
from collectors.event import MAX_EVENT_BYTES, Category, Event
from spool import Spool, SpoolReader


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        yield spool


def event(**more) -> Event:
    values = {"name": "config", "event_type": "T", "category": Category.CHANGES, "title": "t", "text": ""}
    return Event(timestamp=1_700_000_000, **{**values, **more})


def clocks(**more) -> Clocks:
    return Clocks(**{"wall": lambda: 5.0, "boottime": lambda: 1.0, "boot_id": "b", **more})


def kept(spool):
    with SpoolReader.open(spool.directory) as reader:
        return [
            (stored.record, [json.loads(body) for body in entries(stored.record)])
            for stored in reader.records()
        ]


def test_an_event_of_ours_gets_the_host_its_tags_and_its_identifiers(spool):
    capture = Capture(spool, Identity("web-1", ("env:prod", "a:b"), ("urn:component:/x",)), clocks())
    capture.keep([event(tags=("a:b",), element_identifiers=("urn:process:/y",))], "files", {})
    ((_, (found,)),) = kept(spool)
    assert found["host"] == "web-1"
    assert found["tags"] == ["a:b", "env:prod"]
    assert found["context"]["element_identifiers"] == [
        "urn:host:/web-1",
        "urn:component:/x",
        "urn:process:/y",
    ]


def test_events_and_memory_are_kept_together_under_the_collectors_name(spool):
    capture = Capture(spool, Identity("web-1"), clocks())
    capture.keep([event()], "files", {"k": b"v"})
    assert spool.memory("files").get("k") == b"v"
    assert kept(spool)[0][0].origin == "files"


def test_an_event_at_the_largest_size_is_kept_with_what_is_added(spool):
    capture = Capture(spool, Identity("web-1", ("env:prod",)), clocks())
    capture.keep([event(text="x" * 204_000)], "files", {})
    assert len(kept(spool)) == 1


@pytest.mark.parametrize("text", ["x" * 204_200, "\u0001" * 34_050, "ä" * 102_200])
def test_an_event_that_what_is_added_makes_too_large_is_kept_with_less_text(spool, text):
    tags = tuple(f"tag{number}:{'v' * 200}" for number in range(50))
    capture = Capture(spool, Identity("web-1", tags), clocks())
    capture.keep([event(text=text)], "files", {})
    with SpoolReader.open(spool.directory) as reader:
        ((body,),) = (entries(stored.record) for stored in reader.records())
    assert len(body) <= MAX_EVENT_BYTES
    found = json.loads(body)
    assert found["msg_text"].endswith("(cut: the event was too large)")
    assert found["tags"] == [*tags]


def test_without_a_hostname_it_is_kept_and_marked(spool):
    capture = Capture(spool, Identity(""), clocks(is_trusted=lambda: False))
    capture.keep([event()], "files", {})
    ((record, (found,)),) = kept(spool)
    assert (record.hostname, record.clock_trusted, found["host"]) == ("", False, "")


def test_a_new_name_holds_from_the_next_event_on(spool):
    capture = Capture(spool, Identity(""), clocks())
    capture.rename("web-2")
    capture.keep([event()], "files", {})
    assert kept(spool)[0][0].hostname == "web-2"


def test_what_was_handed_in_keeps_its_bytes(spool):
    capture = Capture(spool, Identity("web-1", ("env:prod",)), clocks())
    body = b'{ "msg_title" : "as it came" }'
    capture.keep_posted([Captured("custom", body, 5, "T")], capture.identity)
    with SpoolReader.open(spool.directory) as reader:
        (stored,) = reader.records()
    assert entries(stored.record) == [body]
    assert stored.record.origin == "intake"
