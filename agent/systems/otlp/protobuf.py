"""OTLP in protobuf, by the messages of PyPI `opentelemetry-proto`. Never imported unless it is configured, or arrives.

The request is made from its JSON form, so that there is one mapping of an event for both encodings. The library's
own reader of that form takes ten times as long, since it knows nothing of what comes.
"""

import base64
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from agent.systems.otlp.encoding import PROTOBUF_TYPE, Said
from agent.systems.otlp.values import JsonValue


class Protobuf:
    """See `agent.systems.otlp.encoding.Encoding`."""

    content_type = PROTOBUF_TYPE

    def request(self, request: JsonValue) -> bytes:
        """See `Encoding`."""
        message = ExportLogsServiceRequest()
        for form in request["resourceLogs"]:
            resource = message.resource_logs.add()
            _fill_pairs(resource.resource.attributes, form["resource"]["attributes"])
            for inner in form["scopeLogs"]:
                scope = resource.scope_logs.add()
                scope.scope.name = inner["scope"]["name"]
                for record in inner["logRecords"]:
                    _fill_record(scope.log_records.add(), record)
        return bytes(message.SerializeToString())

    def success(self, content: bytes) -> Said:
        """See `Encoding`."""
        try:
            partial = ExportLogsServiceResponse.FromString(content).partial_success
        except DecodeError:
            return Said()
        return Said(max(partial.rejected_log_records, 0), partial.error_message)

    def failure(self, content: bytes) -> str:
        """See `Encoding`.

        A `google.rpc.Status` has a number and a text under 1 and 2, and so has this message: its library needs
        not to be installed for two fields.
        """
        try:
            return str(ExportLogsPartialSuccess.FromString(content).error_message)
        except DecodeError:
            return ""


def _fill_record(record: LogRecord, form: JsonValue) -> None:
    record.time_unix_nano = int(form["timeUnixNano"])
    record.observed_time_unix_nano = int(form["observedTimeUnixNano"])
    record.severity_number = form["severityNumber"]
    record.severity_text = form["severityText"]
    _fill_value(record.body, form["body"])
    _fill_pairs(record.attributes, form["attributes"])
    record.event_name = form["eventName"]


def _fill_pairs(pairs: Any, forms: list[JsonValue]) -> None:
    for form in forms:
        pair = pairs.add()
        pair.key = form["key"]
        _fill_value(pair.value, form["value"])


def _fill_value(value: AnyValue, form: JsonValue) -> None:
    """Fill in a value; an empty one is there all the same, and is null."""
    value.SetInParent()
    for kind, inner in form.items():
        match kind:
            case "stringValue":
                value.string_value = inner
            case "intValue":
                value.int_value = int(inner)
            case "boolValue":
                value.bool_value = inner
            case "doubleValue":
                value.double_value = inner
            case "arrayValue":
                value.array_value.SetInParent()
                for one in inner["values"]:
                    _fill_value(value.array_value.values.add(), one)
            case "kvlistValue":
                value.kvlist_value.SetInParent()
                _fill_pairs(value.kvlist_value.values, inner["values"])


def to_json_form(content: bytes) -> tuple[JsonValue, bool]:
    """Return a request in OTLP's JSON form, and whether it has fields that are not in it; raises `ValueError`."""
    from google.protobuf.json_format import MessageToDict

    try:
        message = ExportLogsServiceRequest.FromString(content)
        form: JsonValue = MessageToDict(message, use_integers_for_enums=True)
    except (DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    for record in _records(form):
        for key in ("traceId", "spanId"):
            if key in record:  # proto3 writes bytes as base64, OTLP these two as hexadecimal digits
                record[key] = base64.b64decode(record[key]).hex()
    size = message.ByteSize()
    message.DiscardUnknownFields()
    return form, message.ByteSize() < size


def _records(form: JsonValue) -> Iterator[dict[str, Any]]:
    for resource in form.get("resourceLogs", ()):
        for scope in resource.get("scopeLogs", ()):
            yield from scope.get("logRecords", ())
