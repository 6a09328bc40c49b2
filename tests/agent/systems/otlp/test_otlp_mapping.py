"""Events as log records: the same message in both encodings, as PyPI `opentelemetry-proto` reads it, and nothing lost."""

import json

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from agent.delivery.outgoing import OutgoingEvent, some
from agent.systems.otlp.encoding import Json
from agent.systems.otlp.mapping import export_request
from agent.systems.otlp.protobuf import Protobuf
from agent.systems.otlp.stand_in_rules import check

MACHINE = "0123456789abcdef0123456789abcdef"


def stored(**fields):
    context = {"category": "Changes", "source": "sts-agent", "source_identifier": "id-1", "data": {}}
    context |= fields.pop("context", {})
    return {
        "event_type": "ConfigurationChangedEvent",
        "msg_title": "nginx.conf was modified",
        "msg_text": "what happened",
        "source_type_name": "config",
        "host": "edge-01",
        "tags": ["env:prod"],
        "timestamp": 1_790_000_000,
        "context": context,
        **fields,
    }


def outgoing(*events):
    return some(
        "edge-01", [OutgoingEvent("config", json.dumps(one).encode(), 1_790_000_001.25) for one in events]
    )


def decoded(*events):
    """Return the request as `opentelemetry-proto` reads it, after seeing that both encodings say the same."""
    request = export_request(outgoing(*events), MACHINE)
    from_json = json_format.Parse(Json().request(request), ExportLogsServiceRequest())
    from_protobuf = ExportLogsServiceRequest.FromString(Protobuf().request(request))
    assert from_json == from_protobuf
    return from_json


def record(**fields):
    [resource] = decoded(stored(**fields)).resource_logs
    return resource.scope_logs[0].log_records[0]


def plain(value):
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [plain(one) for one in value.array_value.values]
        case "kvlist_value":
            return attributes(value.kvlist_value.values)
        case field:
            return getattr(value, field)


def attributes(pairs):
    found = {one.key: plain(one.value) for one in pairs}
    assert len(found) == len(pairs)
    return found


def test_a_record_has_the_fields_that_the_contract_names():
    one = record(context={"data": {"path": "/etc/nginx/nginx.conf", "size": 2**40}})
    assert one.event_name == "ConfigurationChangedEvent"
    assert one.time_unix_nano == 1_790_000_000 * 10**9
    assert one.observed_time_unix_nano == 1_790_000_001_250_000_000
    assert one.body.string_value == "what happened"
    found = attributes(one.attributes)
    assert found["title"] == "nginx.conf was modified"
    assert found["source_identifier"] == "id-1"
    assert found["path"] == "/etc/nginx/nginx.conf"
    assert found["size"] == 2**40
    assert found["env"] == "prod"


@pytest.mark.parametrize(("category", "number"), [("Alerts", 17), ("Changes", 9), ("Others", 9)])
def test_severity_goes_by_category(category, number):
    assert record(context={"category": category}).severity_number == number


def test_the_resource_names_the_host_and_the_service():
    [resource] = decoded(stored()).resource_logs
    assert attributes(resource.resource.attributes) == {
        "service.name": "sts-agent",
        "host.name": "edge-01",
        "host.id": MACHINE,
    }


def test_events_of_another_host_are_under_a_resource_of_their_own_in_order():
    request = decoded(stored(), stored(host="other", msg_title="b"), stored(msg_title="c"))
    hosts = [attributes(one.resource.attributes) for one in request.resource_logs]
    assert [one["host.name"] for one in hosts] == ["edge-01", "other", "edge-01"]
    assert "host.id" not in hosts[1]
    records = [one for resource in request.resource_logs for one in resource.scope_logs[0].log_records]
    titles = [attributes(one.attributes)["title"] for one in records]
    assert titles == ["nginx.conf was modified", "b", "c"]


def test_what_has_no_field_of_its_own_is_an_attribute():
    links = [{"title": "run", "url": "https://ci/1"}]
    context = {"element_identifiers": ["urn:host:/edge-01"], "source_links": links, "owner": "web"}
    found = attributes(record(priority="low", context=context).attributes)
    assert found["sts.category"] == "Changes"
    assert found["sts.source"] == "sts-agent"
    assert found["sts.name"] == "config"
    assert found["sts.element_identifiers"] == ["urn:host:/edge-01"]
    assert found["sts.source_links"] == links
    assert found["sts.priority"] == "low"
    assert found["sts.owner"] == "web"


def test_one_name_stands_for_one_value():
    data = {"title": "theirs", "env": "data", "": "nameless", "data.title": "odd"}
    found = attributes(record(tags=["env:prod", "role:a", "role:b"], context={"data": data}).attributes)
    assert found["title"] == "nginx.conf was modified"
    assert found["data.title"] == "theirs"
    assert found["data.data.title"] == "odd"
    assert found["data."] == "nameless"
    assert found["env"] == "data"
    assert found["tag.env"] == "prod"
    assert found["role"] == ["a", "b"]


def test_values_keep_their_type():
    data = {"yes": True, "ratio": 0.5, "large": 2**64 - 1, "list": [1, None, {"a": "b"}], "none": None}
    found = attributes(record(context={"data": data}).attributes)
    assert (found["yes"], found["ratio"]) == (True, 0.5)
    assert found["large"] == "18446744073709551615"
    assert found["list"] == [1, None, {"a": "b"}]
    assert "none" not in found


def test_what_lies_too_deep_goes_as_json():
    deep = "the end"
    for _ in range(60):
        deep = {"in": [deep]}
    found = attributes(record(context={"data": {"deep": deep}}).attributes)["deep"]
    while not isinstance(found, str):
        found = found[0] if isinstance(found, list) else found["in"]
    assert "the end" in str(json.loads(found))


def test_a_time_beyond_the_field_is_its_last():
    assert record(timestamp=10**11 - 1).time_unix_nano == 2**64 - 1


ODD = [
    rb'{"msg_title":"\ud800","event_type":"\udc01","host":"\ud800","context":{"data":{"\udc00":["\ud801"]}}}',
    b'{"msg_title":"t","tags":["\\ud800:x"],"context":{"data":{"n":1e999,"many":%s}}}' % (b"9" * 400),
    b'{"msg_title":1,"context":[]}',
    b'{"timestamp":-5,"context":null}',
    b"[" * 5000,
    b"null",
    b"",
]


@pytest.mark.parametrize("body", ODD, ids=[repr(one[:20]) for one in ODD])
def test_odd_rows_of_older_versions_are_sent_as_far_as_they_can_be_read(body):
    request = export_request(some("h", [OutgoingEvent("config", body, 1.0)]), "")
    assert ExportLogsServiceRequest.FromString(Protobuf().request(request)).resource_logs
    assert [one for one in check(json.loads(Json().request(request))).everything if one.refused] == []


def test_bytes_that_are_no_event_are_the_text():
    request = export_request(some("h", [OutgoingEvent("config", b"\xff{", 1.0)]), "")
    [one] = (
        json_format.ParseDict(request, ExportLogsServiceRequest()).resource_logs[0].scope_logs[0].log_records
    )
    assert one.body.string_value == "\ufffd{"
    assert one.event_name == "config"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=10)


@given(st.dictionaries(TEXTS, VALUES, max_size=6), st.lists(TEXTS.map("k:{}".format), max_size=3), TEXTS)
def test_any_event_is_a_request_that_breaks_no_rule(data, tags, text):
    event = stored(tags=tags, msg_text=text, context={"data": data})
    request = export_request(outgoing(event), MACHINE)
    checked = check(json.loads(Json().request(request)))
    assert [*checked.everything] == []
    decoded(event)
