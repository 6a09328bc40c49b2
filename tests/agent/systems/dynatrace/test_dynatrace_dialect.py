"""What local programs post to the events API is taken as their clients send it, and answered in its words."""

import json

import pytest

from agent.events.identity import Identity
from agent.http.message import Request
from agent.intake.dialect import Problem, WrongToken
from agent.systems.dynatrace.dialect import DynatraceDialect
from agent.systems.dynatrace.rules import TYPES

IDENTITY = Identity("edge-01", ("env:prod",))
NOW = 1_795_700_000.0
V1, V2 = "/api/v1/events", "/api/v2/events/ingest"
SEED = {
    "eventType": "CUSTOM_ANNOTATION",
    "timeoutMinutes": 0,
    "attachRules": {
        "tagRule": [{"meTypes": ["CUSTOM_DEVICE"], "tags": [{"context": "CONTEXTLESS", "key": "IG-test"}]}]
    },
    "source": "OpsControl",
    "annotationType": "defect",
    "annotationDescription": "coffee machine is defective",
}
DIALECT = DynatraceDialect(lambda: NOW)


def parse(message, path=V1):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return DIALECT.parse(Request("POST", path, path, "", (), body), IDENTITY)


def stored(message, path=V1):
    [one] = parse(message, path).events
    return json.loads(one.body)


def answered(message, path=V1):
    response = DIALECT.kept(parse(message, path))
    return response.status, json.loads(response.body)


def refused(message, path=V1):
    with pytest.raises(Problem) as problem:
        parse(message, path)
    response = DIALECT.refused(problem.value)
    return response.status, json.loads(response.body)["error"]


def whole(kind, **more):
    fields = {key: f"a {key}" for key in TYPES[kind].required}
    return {"eventType": kind, "source": "s", **fields, **more}


def test_the_documents_own_example_is_taken_and_answered_with_an_id():
    event = stored(SEED)
    assert event["event_type"] == "CUSTOM_ANNOTATION"
    assert event["msg_title"] == "defect: coffee machine is defective"
    assert event["msg_text"] == "coffee machine is defective"
    assert event["tags"] == ["contextless:IG-test"]
    assert event["source_type_name"] == "dynatrace"
    assert event["context"]["category"] == "Activities"
    assert event["context"]["data"] == SEED
    assert event["context"]["element_identifiers"] == ["urn:host:/edge-01"]
    assert event["timestamp"] == int(NOW)
    status, answer = answered(SEED)
    [number], [identifier] = answer["storedEventIds"], answer["storedIds"]
    assert status == 200
    assert identifier == f"{number}_{int(NOW * 1000)}"
    assert -(2**63) <= number < 2**63
    assert answer["storedCorrelationIds"] == []


def test_a_problem_is_answered_with_a_correlation_id_alone_and_the_start_is_its_own():
    status, answer = answered(whole("ERROR_EVENT", start=1_795_699_000_123))
    assert (status, answer["storedEventIds"], answer["storedIds"]) == (200, [], [])
    assert answer["storedCorrelationIds"][0].endswith("_1795699000123")


@pytest.mark.parametrize(
    ("kind", "category", "event_type"),
    [
        ("AVAILABILITY_EVENT", "Alerts", "AVAILABILITY_EVENT"),
        ("CUSTOM_ALERT", "Alerts", "CUSTOM_ALERT"),
        ("CUSTOM_ANNOTATION", "Activities", "CUSTOM_ANNOTATION"),
        ("CUSTOM_CONFIGURATION", "Changes", "ConfigurationChangedEvent"),
        ("CUSTOM_DEPLOYMENT", "Deployments", "VersionChangedEvent"),
        ("CUSTOM_INFO", "Activities", "CUSTOM_INFO"),
        ("ERROR_EVENT", "Alerts", "ERROR_EVENT"),
        ("MARKED_FOR_TERMINATION", "Activities", "MARKED_FOR_TERMINATION"),
        ("PERFORMANCE_EVENT", "Alerts", "PERFORMANCE_EVENT"),
        ("RESOURCE_CONTENTION", "Alerts", "RESOURCE_CONTENTION"),
    ],
)
def test_the_type_decides_the_category(kind, category, event_type):
    event = stored(whole(kind))
    assert (event["context"]["category"], event["event_type"]) == (category, event_type)
    assert event["context"]["data"]["eventType"] == kind


@pytest.mark.parametrize("kind", TYPES)
def test_each_field_that_a_type_requires_is_named_when_it_is_missing_null_or_empty(kind):
    for key in ("source", *TYPES[kind].required):
        for changed in ({key: None}, {key: ""}):
            status, error = refused(whole(kind) | changed)
            assert status == error["code"] == 400
            assert error["message"] == f"The property '{key}' must not be null or empty."
            [violation] = error["constraintViolations"]
            assert violation["path"] == key
            assert set(violation) == {"path", "message", "parameterLocation", "location"}


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_not_applicable_to_a_type_is_ignored_and_kept(kind):
    applicable = {"source", "eventType", *TYPES[kind].required, *TYPES[kind].optional}
    fields = {key for one in TYPES.values() for key in (*one.required, *one.optional)}
    odd = dict.fromkeys(fields - applicable, 5)
    if not TYPES[kind].opens_problem:
        odd["timeoutMinutes"] = 100_000
    assert stored(whole(kind, **odd))["context"]["data"] == whole(kind, **odd)


@pytest.mark.parametrize("kind", ["NO_SUCH_EVENT", "RESOURCE_CONTENTION_EVENT", 5, None, ""])
def test_a_type_that_there_is_not_is_refused(kind):
    status, error = refused({**SEED, "eventType": kind})
    assert status == 400
    assert "eventType" in error["message"]


def test_nulls_are_as_good_as_absent_wherever_they_are():
    message = {**SEED, "start": None, "customProperties": {"a": None, "b": "1"}, "title": None}
    rules = {**SEED["attachRules"], "entityIds": None}
    event = stored({**message, "attachRules": rules})
    assert event["context"]["data"] == {**SEED, "customProperties": {"b": "1"}}


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("edge", "contextless:edge"),
        ({"context": "CONTEXTLESS", "key": "edge"}, "contextless:edge"),
        ({"context": "AWS", "key": "Name", "value": "db-1"}, "Name:db-1"),
        ({"context": "KUBERNETES", "key": "pod"}, "kubernetes:pod"),
    ],
)
def test_entity_ids_become_identifiers_and_tags_become_tags(tag, expected):
    rules = {"entityIds": ["HOST-1", "HOST-2"], "tagRule": [{"meTypes": ["HOST"], "tags": [tag]}]}
    event = stored(whole("CUSTOM_INFO", attachRules=rules))
    assert event["context"]["element_identifiers"] == ["urn:host:/edge-01", "HOST-1", "HOST-2"]
    assert event["tags"] == [expected]


def test_a_message_without_tags_gets_the_agents():
    assert stored(whole("CUSTOM_INFO"))["tags"] == ["env:prod"]


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"entityIds": []},
        {"entityIds": "HOST-1"},
        {"tagRule": [{"meTypes": ["HOST"]}]},
        {"tagRule": [{"tags": ["edge"]}]},
        {"tagRule": [{"meTypes": ["HOST"], "tags": [{"context": "AWS"}]}]},
        [],
    ],
)
def test_attach_rules_that_attach_to_nothing_are_refused(rules):
    _, error = refused(whole("CUSTOM_INFO", attachRules=rules))
    assert error["constraintViolations"][0]["path"].startswith("attachRules")


@pytest.mark.parametrize("start", ["now", 1.5, -1, True, 10**15])
def test_a_start_that_is_no_time_is_refused(start):
    _, error = refused(whole("CUSTOM_INFO", start=start))
    assert error["constraintViolations"][0]["path"] == "start"


@pytest.mark.parametrize("timeout", [121, -1, "15", 1.5])
def test_a_problem_stays_open_for_120_minutes_at_most(timeout):
    _, error = refused(whole("ERROR_EVENT", timeoutMinutes=timeout))
    assert error["constraintViolations"][0]["path"] == "timeoutMinutes"


def test_version_2_has_its_own_fields_and_answers_with_a_report():
    message = {
        "eventType": "RESOURCE_CONTENTION_EVENT",
        "title": "disk is slow",
        "startTime": 1_795_699_000_000,
        "timeout": 30,
        "entitySelector": 'entityId("HOST-1","HOST-2")',
        "properties": {"disk": "sda"},
    }
    event = stored(message, V2)
    assert (event["msg_title"], event["timestamp"]) == ("disk is slow", 1_795_699_000)
    assert event["context"]["category"] == "Alerts"
    assert event["context"]["element_identifiers"] == ["urn:host:/edge-01", "HOST-1", "HOST-2"]
    assert event["context"]["data"] == message
    status, answer = answered(message, V2)
    assert (status, answer["reportCount"]) == (201, 1)
    assert answer["eventIngestResults"][0]["status"] == "OK"


def test_version_2_requires_a_title_and_knows_no_old_names():
    _, error = refused({"eventType": "CUSTOM_INFO"}, V2)
    assert error["message"] == "The property 'title' must not be null or empty."
    _, error = refused({"eventType": "RESOURCE_CONTENTION", "title": "t"}, V2)
    assert "eventType" in error["message"]


def test_a_tag_in_a_selector_is_a_tag_of_the_event():
    selector = 'type(HOST),tag("edge"),tag("[AWS]Name:db-1")'
    event = stored({"eventType": "CUSTOM_INFO", "title": "t", "entitySelector": selector}, V2)
    assert event["tags"] == ["contextless:edge", "Name:db-1"]


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Api-Token abc", "abc"),
        ("Api-token abc", "abc"),
        ("API-TOKEN   abc ", "abc"),
        ("Bearer abc", None),
        ("abc", None),
        ("", None),
    ],
)
def test_the_scheme_of_the_token_counts_in_any_case(header, token):
    request = Request("POST", V1, V1, "", (("authorization", header),) if header else ())
    assert DIALECT.token_of(request) == token


@pytest.mark.parametrize("path", [V1, V2, "/e/env-1" + V1, "/e/env-1" + V2])
def test_both_versions_are_there_with_and_without_an_environment(path):
    assert any(route.path.fullmatch(path) for route in DIALECT.routes)


def test_a_wrong_token_is_401_in_the_words_of_the_api():
    response = DIALECT.refused(WrongToken())
    assert response.status == 401
    assert json.loads(response.body) == {"error": {"code": 401, "message": "the token is wrong"}}
