"""Whatever is posted to the events API is an event that goes out by both versions, or a problem in its words; soon."""

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.events.identity import Identity
from agent.events.stored_event import StoredEvent
from agent.http.message import Request
from agent.intake.dialect import Problem
from agent.systems.dynatrace.check import violations
from agent.systems.dynatrace.dialect import DynatraceDialect
from agent.systems.dynatrace.rules import TYPES, V1, V2, v2_name
from agent.systems.dynatrace.selector import event_tags, rules_of, selector
from agent.systems.dynatrace.to_desk import Terms, lacks, message_of

DIALECT = DynatraceDialect(lambda: 1_795_700_000.0)
FIELDS = [
    *("eventType", "source", "start", "end", "startTime", "endTime", "timeout", "timeoutMinutes", "title"),
    *("attachRules", "entitySelector", "customProperties", "properties", "description", "tagRule", "tags"),
    *("entityIds", "meTypes", "context", "key", "value", "unknown"),
    *{key for kind in TYPES.values() for key in (*kind.required, *kind.optional)},
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from([*TYPES, "RESOURCE_CONTENTION_EVENT", 'type(HOST),tag("a~"b")', "HOST-1"])
)
ANY = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner)
    ),
    max_leaves=12,
)


@st.composite
def posted(draw):
    """Return a message that is likely right but for a few fields, which are anything."""
    kind = draw(st.sampled_from([*TYPES]))
    message = {"eventType": kind, "source": "s", "title": "t"} | dict.fromkeys(TYPES[kind].required, "x")
    return message | draw(st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=3))


def check_any(message):
    for version in (V1, V2):
        message_there = (
            {**message, "eventType": v2_name(str(message["eventType"]))} if version is V2 else message
        )
        body = json.dumps(message_there).encode()
        try:
            parsed = DIALECT.parse(Request("POST", version.path, version.path, "", (), body), Identity("h"))
        except Problem as problem:
            response = DIALECT.refused(problem)
            assert response.status == json.loads(response.body)["error"]["code"] == 400
            continue
        assert DIALECT.kept(parsed).status in {200, 201}
        [one] = parsed.events
        event = msgspec.json.decode(one.body, type=StoredEvent)
        for wanted in (V1, V2):
            terms = Terms(wanted, {"entityIds": ["HOST-1"]})
            sent = json.loads(msgspec.json.encode(message_of(event, one.name, 1_795_700_000_000, terms, {})))
            assert [*violations(sent, wanted)] == []
            elsewhere = message_of(event, "custom", 1_795_700_000_000, terms, {})
            assert [*violations(elsewhere, wanted)] == []
        assert isinstance(lacks(event), list)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(posted())
def test_any_message_is_an_event_or_a_problem(message):
    check_any(message)


@pytest.mark.torture
@settings(max_examples=20_000, suppress_health_check=list(HealthCheck), deadline=None)
@given(posted())
def test_any_message_is_an_event_or_a_problem_many_times(message):
    check_any(message)


@pytest.mark.parametrize(
    "text",
    [
        "entityId(" + " " * 200_000,
        "type(HOST)" + ",tag(a)" * 30_000,
        'type(HOST),tag("' + "~" * 200_000,
        " " * 200_000,
        "entityId(,)",
        'type(HOST),tag("")',
        "",
    ],
)
def test_a_selector_that_says_no_rules_is_none_whatever_its_size(text):
    assert rules_of(text) is None


@given(st.lists(st.text(min_size=1, max_size=8).filter(lambda text: not set(text) & set("()[],: "))))
def test_ids_and_tags_of_a_selector_come_back_as_they_were(words):
    for rules in (
        {"entityIds": words},
        {"tagRule": [{"meTypes": ["HOST"], "tags": [{"context": "CONTEXTLESS", "key": w} for w in words]}]},
    ):
        if words and all(word == word.strip() for word in words):
            text, is_whole = selector(rules)
            assert is_whole
            assert rules_of(text) == rules
    assert event_tags({}) == ()


def test_a_field_of_blanks_that_a_version_does_not_ask_for_is_one_that_the_other_asks_for():
    check_any({"eventType": "AVAILABILITY_EVENT", "source": "s", "title": "x", "description": "\r"})
