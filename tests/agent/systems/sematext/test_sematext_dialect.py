"""What local programs post to Sematext is taken as their clients send it."""

import json
from urllib.parse import quote

import pytest

from agent.events.identity import Identity
from agent.http.message import Request
from agent.intake.dialect import Problem
from agent.systems.sematext.dialect import SematextDialect

IDENTITY = Identity("edge-01", ("env:prod",))


def parse(body, path="/token/event"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    request = Request("POST", path, path, "", (("content-type", "application/x-www-form-urlencoded"),), body)
    return [json.loads(one.body) for one in SematextDialect().parse(request, IDENTITY).events]


def test_the_lines_of_a_unit_are_taken_unchanged():
    [event] = parse(b'{"message" : "Starting Elasticsearch on node es-1","type" : "server_start"}')
    assert event["event_type"] == "server_start"
    assert event["msg_text"] == "Starting Elasticsearch on node es-1"
    assert event["context"]["category"] == "Others"
    assert event["source_type_name"] == "sematext"
    assert event["host"] == "edge-01"
    assert "urn:host:/edge-01" in event["context"]["element_identifiers"]


def test_several_objects_with_empty_lines_between_are_several_events():
    body = b'{"type":"a","message":"1"}\n\n{"type":"b",\n"message":"2"}\n \r\n{"type":"c","message":"3"}\n'
    assert [event["event_type"] for event in parse(body)] == ["a", "b", "c"]


def test_older_clients_have_the_type_in_the_path():
    [event] = parse({"message": "m"}, "/token/deployment")
    assert event["event_type"] == "deployment"


def test_of_a_single_event_without_a_type_the_field_is_named():
    with pytest.raises(Problem, match="`type` is missing"):
        parse({"message": "m"})


def test_the_token_is_the_first_part_of_the_path_however_it_is_quoted():
    path = f"/{quote('a/b c', safe='')}/event"
    assert SematextDialect().token_of(Request("POST", path, path, "")) == "a/b c"


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b'"text"', b"{} {}"])
def test_what_holds_no_event_is_refused(body):
    with pytest.raises(Problem) as refused:
        parse(body)
    assert refused.value.status == 400
