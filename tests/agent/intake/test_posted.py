"""The common JSON object, whole or in part, into events that can be kept."""

import json

import pytest

from agent.events.identity import Identity
from agent.intake.posted import BY_HAND, PostedError, parse

IDENTITY = Identity("web-1", ("env:prod",), ("urn:component:/x",))
NOW = 1_700_000_123.9

WHOLE = {
    "context": {
        "category": "Changes",
        "source": "Puppet",
        "source_identifier": "an-identifier",
        "element_identifiers": ["urn:host:/elsewhere"],
        "source_links": [{"title": "t", "url": "http://x/"}],
        "data": {"a": 1},
    },
    "event_type": "ConfigurationChangedEvent",
    "msg_title": "Puppet run changed",
    "msg_text": "",
    "source_type_name": "ConfigurationChangedEvent",
    "host": "elsewhere",
    "tags": ["status: changed"],
    "timestamp": 1_700_000_000,
    "unknown": {"stays": True},
}


def posted(events, **more) -> bytes:
    return json.dumps({"events": {"custom": events}, **more}, indent=1).encode()


def parsed(body: bytes, identity: Identity = IDENTITY):
    return parse(body, identity, now=lambda: NOW)


def filled(event: dict, identity: Identity = IDENTITY, **more) -> dict:
    (captured,) = parsed(posted([event], **more), identity)
    return json.loads(captured.body)


def test_a_whole_event_keeps_every_byte():
    body = b'{"events": {"puppet": [' + json.dumps(WHOLE, indent=3).encode() + b"]}}"
    (captured,) = parsed(body)
    assert bytes(captured.body) == json.dumps(WHOLE, indent=3).encode()
    assert (captured.name, captured.timestamp) == ("puppet", 1_700_000_000)
    assert (captured.event_type, captured.tags) == ("ConfigurationChangedEvent", ("status: changed",))


def test_only_what_is_missing_is_filled():
    event = filled({"msg_title": "Deployed", "tags": ["a:b"], "unknown": 1})
    identifier = event["context"].pop("source_identifier")
    assert len(identifier) == 36
    assert event == {
        "msg_title": "Deployed",
        "tags": ["a:b"],
        "unknown": 1,
        "event_type": "custom",
        "source_type_name": "custom",
        "host": "web-1",
        "msg_text": "",
        "timestamp": 1_700_000_123,
        "context": {
            "category": "Others",
            "source": "sts-agent",
            "element_identifiers": ["urn:host:/web-1", "urn:component:/x"],
            "source_links": [],
            "data": {},
        },
    }


@pytest.mark.parametrize("missing", [*WHOLE["context"]])
def test_a_part_of_the_context_that_is_missing_is_filled_and_the_rest_stays(missing):
    context = {key: value for key, value in WHOLE["context"].items() if key != missing}
    event = filled({**WHOLE, "context": context})
    assert event["context"].keys() == WHOLE["context"].keys()
    assert {key: event["context"][key] for key in context} == context


def test_null_is_as_missing():
    event = filled({**WHOLE, "tags": None, "context": {**WHOLE["context"], "source_links": None}})
    assert event["tags"] == ["env:prod"]
    assert event["context"]["source_links"] == []


def test_an_event_of_another_host_is_about_that_host():
    event = filled({"msg_title": "x"}, internalHostname="edge-7")
    assert event["host"] == "edge-7"
    assert event["context"]["element_identifiers"][0] == "urn:host:/edge-7"


def test_what_our_own_command_made_gets_the_agents_tags_besides_its_own():
    assert filled({**WHOLE, "tags": ["a:b"]}, origin=BY_HAND)["tags"] == ["a:b", "env:prod"]


def test_events_of_several_names_come_in_their_order():
    body = json.dumps({"events": {"b": [WHOLE, WHOLE], "a": [WHOLE]}}).encode()
    assert [captured.name for captured in parsed(body)] == ["b", "b", "a"]


@pytest.mark.parametrize("body", [b"{}", b'{"events": {}}', b'{"events": null}', b'{"events": {"a": []}}'])
def test_no_events_are_no_trouble(body):
    assert parsed(body) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("a string", "custom[1]: Expected `object`"),
        (None, "custom[1]: Expected `object`"),
        ({}, "custom[1]: msg_title is missing"),
        ({**WHOLE, "msg_title": 5}, "custom[1]: Expected `str | null`, got `int` - at `$.msg_title`"),
        (
            {**WHOLE, "timestamp": 1_700_000_000_000},
            "custom[1]: the timestamp 1700000000000 looks like milli",
        ),
        ({**WHOLE, "timestamp": -1}, "custom[1]: the timestamp -1 is negative"),
        ({**WHOLE, "timestamp": "now"}, "custom[1]: Expected `int | null`"),
        ({**WHOLE, "timestamp": 1.5}, "custom[1]: Expected `int | null`"),
        ({**WHOLE, "tags": ["no colon"]}, "custom[1]: the tag 'no colon' is not key:value"),
        ({**WHOLE, "tags": "a:b"}, "custom[1]: Expected `array | null`"),
        ({**WHOLE, "context": []}, "custom[1]: Expected `object | null`"),
        ({**WHOLE, "context": {"source_links": [{"title": "x"}]}}, "missing required field `url`"),
        ({**WHOLE, "msg_text": "x" * 210_000}, "custom[1]: the event is larger than"),
    ],
)
def test_one_bad_event_is_named_by_its_index(bad, said):
    with pytest.raises(PostedError) as caught:
        parsed(posted([WHOLE, bad]))
    assert said in str(caught.value)


def test_a_name_that_no_receiver_takes_is_refused():
    with pytest.raises(PostedError, match=r"events\.hostname:.*starts with 'host'"):
        parsed(json.dumps({"events": {"hostname": [WHOLE]}}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"events": []}', b'"\xff"', b'{"events": {"a": {}}}'])
def test_what_is_not_the_common_object_is_refused(body):
    with pytest.raises(PostedError):
        parsed(body)


def test_text_that_is_no_utf_8_is_refused_though_it_is_kept_unread():
    with pytest.raises(PostedError, match="not UTF-8"):
        parsed(b'{"events": {"a": [{"msg_title": "x", "unknown": "\xff"}]}}')
