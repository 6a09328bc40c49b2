"""The strict receiver of OTLP says which rule a message broke, in the encoding that it was asked in."""

import gzip
import json

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from agent.http.message import Request
from agent.systems.otlp.stand_in import LogsRules

JSON, PROTOBUF = "application/json", "application/x-protobuf"


def text(key, value):
    return {"key": key, "value": {"stringValue": value}}


def export(record=None, resource=None, **top):
    record = {"timeUnixNano": "1", "eventName": "E", "attributes": [text("title", "t")]} | (record or {})
    resource = resource or {"attributes": [text("service.name", "s"), text("host.name", "h")]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}], **top}


def post(body, content_type=JSON, encoding="gzip", path="/v1/logs", method="POST", **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    body = gzip.compress(body) if encoding == "gzip" else body
    named = {"content-type": content_type, "content-encoding": encoding, **headers}
    request = Request(method, path, path, "", tuple(named.items()), body)
    return LogsRules((headers and "right") or None).judge(request, is_too_large=False)


def broken(verdict):
    return [
        *verdict.broken,
        *(f"{one.where}: {one.rule}" for found in verdict.events for one in found.problems),
    ]


def test_a_right_request_is_taken_and_breaks_no_rule():
    verdict = post(export())
    assert (verdict.reply.status, verdict.reply.body, broken(verdict)) == (200, b"{}", [])
    [found] = verdict.events
    assert (found.event_type, found.title, found.hostname) == ("E", "t", "h")


WRONG = {
    "an object is expected": [1],
    "resourceLogs: is no list": {"resourceLogs": {}},
    "resourceLogs[0]: is no ResourceLogs": {"resourceLogs": ["x"]},
    "timeUnixNano: is no whole number": export({"timeUnixNano": "now"}),
    "timeUnixNano: lies outside": export({"timeUnixNano": "-1"}),
    "severityNumber: is no whole number": export({"severityNumber": "SEVERITY_NUMBER_INFO"}),
    "severityNumber: lies outside 0 to 24": export({"severityNumber": 25}),
    "traceId: is not 32 hexadecimal digits": export({"traceId": "q80="}),
    "spanId: is not 16 hexadecimal digits": export({"spanId": "12"}),
    "body: is no AnyValue": export({"body": "words"}),
    "body: has more than one value": export({"body": {"stringValue": "a", "boolValue": True}}),
    "stringValue: is not a text": export({"body": {"stringValue": 1}}),
    "boolValue: is not true or false": export({"body": {"boolValue": "true"}}),
    "intValue: lies outside": export({"body": {"intValue": str(2**63)}}),
    "doubleValue: is no number": export({"body": {"doubleValue": []}}),
    "bytesValue: is not base64": export({"body": {"bytesValue": "?"}}),
    "attributes: holds the key 'a' more than once": export({"attributes": [text("a", "1"), text("a", "2")]}),
    "attributes: holds a key that is missing or empty": export({"attributes": [text("", "1")]}),
    "kvlistValue.values: holds the key 'a' more than once": export(
        {"body": {"kvlistValue": {"values": [text("a", "1"), text("a", "2")]}}}
    ),
}


@pytest.mark.parametrize(("rule", "document"), [*WRONG.items()], ids=[*WRONG])
def test_what_no_reader_could_take_is_refused_with_its_rule(rule, document):
    verdict = post(document)
    assert verdict.reply.status == 400
    assert rule in json.loads(verdict.reply.body)["message"]
    assert any(rule in one for one in broken(verdict))


ODD = {
    "resource_logs: is no field of ExportLogsServiceRequest, and is passed over: write resourceLogs": export(
        resource_logs=[]
    ),
    "event_name: is no field of LogRecord, and is passed over: write eventName": export({"event_name": "E"}),
    "timeUnixNano: is a number of 64 bits, which JSON writes as a text": export({"timeUnixNano": 1}),
    "has neither the time when it happened nor when it was observed": export({"timeUnixNano": "0"}),
    "has no eventName: it is a line of a log, and no event": export({"eventName": ""}),
    "resourceLogs[0].resource: has no service.name": export(resource={"attributes": []}),
}


@pytest.mark.parametrize(("rule", "document"), [*ODD.items()], ids=[*ODD])
def test_what_readers_pass_over_is_taken_and_told(rule, document):
    verdict = post(document)
    assert verdict.reply.status == 200
    [told] = broken(verdict)
    assert told.endswith(rule)
    assert len(verdict.events) == 1


def test_what_lies_too_deep_is_refused():
    body = {"stringValue": "x"}
    for _ in range(60):
        body = {"arrayValue": {"values": [body]}}
    assert b"lies deeper than 100 messages" in post(export({"body": body})).reply.body


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"path": "/v1/traces"}, 404),
        ({"method": "GET"}, 405),
        ({"content_type": "text/plain"}, 415),
        ({"encoding": "deflate"}, 415),
        ({"body": b"{"}, 400),
        ({"encoding": "gzip", "body": b"\xff"}, 400),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "right"}, 401),
        ({"authorization": "Bearer right"}, 200),
        ({"authorization": "Api-Token right"}, 200),
    ],
    ids=str,
)
def test_a_wrong_request_gets_its_own_status(asked, status):
    asked = {"body": export(), **asked}
    assert post(**asked).reply.status == status


def protobuf(**fields):
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    scope.log_records.append(LogRecord(time_unix_nano=1, event_name="E", **fields))
    return request


def test_protobuf_is_held_to_the_same_rules_and_answered_in_protobuf():
    verdict = post(protobuf(trace_id=b"\0" * 16).SerializeToString(), PROTOBUF)
    assert (verdict.reply.status, verdict.reply.content_type) == (200, PROTOBUF)
    assert broken(verdict) == ["resourceLogs[0].resource: has no service.name"]
    refused = post(protobuf(trace_id=b"short").SerializeToString(), PROTOBUF)
    assert (refused.reply.status, refused.reply.content_type) == (400, PROTOBUF)
    said = ExportLogsPartialSuccess.FromString(refused.reply.body).error_message
    assert "traceId: is not 32 hexadecimal digits" in said


def test_protobuf_that_is_none_is_refused():
    assert post(b"\xff\xff", PROTOBUF).reply.status == 400


def test_fields_that_its_message_has_not_are_told():
    body = protobuf().SerializeToString() + b"\x98\x06\x01"
    assert "the request has fields that its message has not" in broken(post(body, PROTOBUF))
