"""The common JSON object, whole or in part, into events that can be kept."""

import json

import pytest

from agent.events.identity import Identity
from agent.http.message import Request
from agent.intake.dialect import Problem
from agent.systems.stackstate.dialect import BY_HAND, StackStateDialect

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


def request(body: bytes = b"", *, query: str = "", headers=()) -> Request:
    return Request("POST", "/stsAgent/intake", "/stsAgent/intake", query, tuple(headers), body)


def parsed(body: bytes, identity: Identity = IDENTITY):
    return StackStateDialect(lambda: NOW).parse(request(body), identity).events


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
        ({**WHOLE, "msg_text": "x" * 204_600, "host": None}, "custom[1]: the event is larger than"),
    ],
)
def test_one_bad_event_is_named_by_its_index(bad, said):
    with pytest.raises(Problem) as caught:
        parsed(posted([WHOLE, bad]))
    assert said in str(caught.value)


def test_a_name_that_no_receiver_takes_is_refused():
    with pytest.raises(Problem, match=r"events\.hostname:.*starts with 'host'"):
        parsed(json.dumps({"events": {"hostname": [WHOLE]}}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"events": []}', b'"\xff"', b'{"events": {"a": {}}}'])
def test_what_is_not_the_common_object_is_refused(body):
    with pytest.raises(Problem):
        parsed(body)


def test_text_that_is_no_utf_8_is_refused_though_it_is_kept_unread():
    with pytest.raises(Problem, match="not UTF-8"):
        parsed(b'{"events": {"a": [{"msg_title": "x", "unknown": "\xff"}]}}')


NAMELESS = Identity("", ("env:prod",), ("urn:component:/x",))


def test_a_host_without_a_name_leaves_to_the_delivery_what_only_its_name_is_missing_for():
    event = filled({"msg_title": "x"}, NAMELESS)
    assert event["host"] == ""
    assert event["context"]["element_identifiers"] == ["urn:host:/", "urn:component:/x"]
    assert event["tags"] == ["env:prod"]


def test_a_host_without_a_name_keeps_the_bytes_of_a_whole_event():
    (captured,) = parsed(posted([WHOLE]), NAMELESS)
    assert json.loads(bytes(captured.body)) == WHOLE


def test_what_was_parsed_says_under_which_identity():
    assert StackStateDialect().parse(request(posted([WHOLE])), NAMELESS).identity is NAMELESS


def test_filling_keeps_the_bytes_of_what_is_there():
    body = (
        b'{"events": {"a": [{"msg_title": "x", "unknown": [1.50, 1e2], "context": {"data": {"b": 0.10}}}]}}'
    )
    (captured,) = parsed(body)
    assert b'"unknown":[1.50, 1e2]' in captured.body
    assert b'"data":{"b": 0.10}' in captured.body


def test_what_the_agent_adds_counts_towards_the_size():
    almost = {"msg_title": "x", "msg_text": "y" * 204_700}
    with pytest.raises(Problem, match=r"custom\[0\]: the event is larger") as caught:
        parsed(posted([almost]))
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("1e999", "events.custom[1].context.data.x"),
        ("18446744073709551616", "events.custom[1].context.data.x"),
        ('"\\ud800"', "events.custom[1].context.data.x"),
        ("[" * 60 + "]" * 60, "events.custom[1].context.data.x[0]"),
        ("NaN", ""),
        ("-Infinity", ""),
    ],
)
def test_json_that_other_readers_cannot_take_is_refused_with_its_place(value, place):
    body = posted([WHOLE, {"msg_title": "x", "context": {"data": {"x": "HERE"}}}], a=1)
    with pytest.raises(Problem) as caught:
        parsed(body.replace(b'"HERE"', value.encode()))
    assert caught.value.status == 400
    assert caught.value.place.startswith(place)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"events":' * 2000, b'{"events": {"a": [' + b"[" * 2000 + b"]" * 2000 + b"]}}"]
)
def test_thousands_of_levels_are_refused_like_anything_else(body):
    with pytest.raises(Problem):
        parsed(body)


@pytest.mark.parametrize("when", ["1e999", "-5", "1700000000000", '"now"'])
def test_a_collection_time_that_is_none_is_refused(when):
    with pytest.raises(Problem):
        parsed(b'{"collection_timestamp": %b, "events": {}}' % when.encode())


@pytest.mark.parametrize(
    ("shown", "token"),
    [
        ({"query": "api_key=a%20b&x=1"}, "a b"),
        ({"headers": [("sts-api-key", "k")]}, "k"),
        ({"headers": [("sts-api-key", "k")], "query": "api_key=q"}, "k"),
        ({"query": "api_key="}, None),
        ({"headers": [("authorization", "k")]}, None),
    ],
)
def test_the_token_is_in_the_query_or_in_the_header(shown, token):
    assert StackStateDialect().token_of(request(**shown)) == token


@pytest.mark.parametrize(
    "body",
    [
        {"internalHostname": "x", "evnts": [WHOLE]},
        {"internalHostname": "x", "collection_timestamp": 1, "Events": {"custom": [WHOLE]}},
        {"custom": [WHOLE]},
        {"scalar": 1, "empty": [], "evnts" * 50: [WHOLE]},
    ],
)
def test_a_body_that_holds_something_and_nothing_under_a_key_that_is_known_is_refused_by_that_key(body):
    with pytest.raises(Problem) as caught:
        parsed(json.dumps(body).encode())
    assert caught.value.status == 400
    assert (
        caught.value.place
        == next(key for key, value in body.items() if isinstance(value, list | dict) and value)[:80]
    )
    assert "none of events, metrics, service_checks, topologies, health" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"internalHostname": "x"},
        {"internalHostname": "x", "version": 3, "other": None, "more": []},
        {"internalHostname": "x", "events": {}, "other": [1]},
        {"internalHostname": "x", "health": None, "other": [1]},
        {"internalHostname": "x", "agent_checks": [["ntp", "OK"]]},
        {"internalHostname": "x", "resources": {"meta": {"host": "x"}}, "of_next_year": [1]},
        {"apiKey": "", "agentVersion": "3.1", "internalHostname": "x", "systemStats": {"machine": "amd64"}},
        {"internalHostname": "x", "external_host_tags": [["x", {"vsphere": ["a:b"]}]]},
        {"internalHostname": "x", "gohai": "{}", "processes": {"snaps": []}},
    ],
)
def test_what_agents_say_of_themselves_and_what_is_empty_is_taken_though_nothing_of_it_is_kept(body):
    assert parsed(json.dumps(body).encode()) == []


def test_an_unknown_key_beside_what_is_kept_is_passed_over():
    assert len(parsed(posted([WHOLE], evnts=[WHOLE]))) == 1
    body = b'{"metrics": [["cpu", 1, 2, {}]], "evnts": [1]}'
    assert StackStateDialect(lambda: NOW).parse(request(body), IDENTITY).count == 1
