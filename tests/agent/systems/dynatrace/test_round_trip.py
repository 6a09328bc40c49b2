"""What came in by the events API goes out as it came; by the other version it goes out translated."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events.identity import Identity
from agent.events.stored_event import StoredEvent
from agent.systems.dynatrace.check import violations, without_nulls
from agent.systems.dynatrace.from_desk import NAME, to_stored
from agent.systems.dynatrace.rules import TYPES, V1, V2, v2_name
from agent.systems.dynatrace.strict import strict
from agent.systems.dynatrace.to_desk import Terms, message_of

NOW_MS = 1_795_700_000_000
RULES = {"tagRule": [{"meTypes": ["HOST"], "tags": [{"context": "CONTEXTLESS", "key": "edge"}]}]}
TEXTS = st.text(min_size=1, max_size=12).filter(str.strip)
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | TEXTS | st.dictionaries(TEXTS, TEXTS, max_size=2)
ATTACH = st.sampled_from(
    [
        {"entityIds": ["HOST-1"], "tagRule": None},
        {"entityIds": None, "tagRule": [{"meTypes": ["SERVICE"], "tags": ["plain"]}]},
        {"tagRule": [{"meTypes": ["HOST"], "tags": [{"context": "AWS", "key": "a", "value": "b"}]}]},
    ]
)


@st.composite
def messages(draw, version=V1):
    kind = draw(st.sampled_from([*TYPES]))
    optional = {version.start: st.integers(1, NOW_MS), "unknown": VALUES, "allowDavisMerge": st.booleans()}
    if version is V2:
        fields = {"eventType": st.just(v2_name(kind)), "title": TEXTS}
        optional |= {
            "properties": st.dictionaries(TEXTS, TEXTS, max_size=3),
            "entitySelector": st.sampled_from(['entityId("HOST-1")', 'type(HOST),tag("a:b")', "other()"]),
        }
    else:
        required = ("source", *TYPES[kind].required)
        fields = {"eventType": st.just(kind)} | dict.fromkeys(required, TEXTS)
        optional |= dict.fromkeys(TYPES[kind].optional, st.none() | TEXTS) | {
            "attachRules": ATTACH,
            "customProperties": st.dictionaries(TEXTS, VALUES, max_size=3),
        }
    if TYPES[kind].opens_problem:
        optional[version.timeout] = st.integers(0, 120)
    return draw(st.fixed_dictionaries(fields, optional=optional))


def out(message, version, wanted):
    event = to_stored(without_nulls(message), version, Identity("edge-01"), NOW_MS)
    body = msgspec.json.encode(event)
    stored = msgspec.json.decode(body, type=StoredEvent)
    terms = Terms(wanted, RULES)
    return json.loads(msgspec.json.encode(message_of(stored, NAME, NOW_MS + 5, terms, {})))


@pytest.mark.parametrize("version", [V1, V2], ids=["v1", "v2"])
@given(data=st.data())
def test_what_came_in_goes_out_equal_but_for_nulls_times_and_rules_it_did_not_bring(version, data):
    message = data.draw(messages(version))
    expected = without_nulls(message)
    sent = out(message, version, version)
    for key in (version.start, version.end, version.attach):
        if key not in expected:
            sent.pop(key, None)
    assert sent == expected


@pytest.mark.parametrize(("version", "wanted"), [(V1, V2), (V2, V1)], ids=["v1-v2", "v2-v1"])
@given(data=st.data())
def test_by_the_other_version_it_is_a_message_that_breaks_no_rule(version, wanted, data):
    message = data.draw(messages(version))
    sent = out(message, version, wanted)
    assert [*violations(sent, wanted), *strict(sent, wanted)] == []
    assert sent[wanted.start] == message.get(version.start, NOW_MS)


def test_a_deployment_keeps_its_words_in_the_other_version():
    message = {
        "eventType": "CUSTOM_DEPLOYMENT",
        "source": "Jenkins",
        "deploymentName": "shop",
        "deploymentVersion": "2.4",
        "attachRules": {"entityIds": ["HOST-1", "HOST-2"]},
        "customProperties": {"branch": "main"},
        "start": NOW_MS,
        "end": NOW_MS,
    }
    sent = out(message, V1, V2)
    assert sent == {
        "eventType": "CUSTOM_DEPLOYMENT",
        "title": "shop 2.4",
        "startTime": NOW_MS,
        "endTime": NOW_MS,
        "entitySelector": 'entityId("HOST-1","HOST-2")',
        "properties": {
            "source": "Jenkins",
            "deploymentName": "shop",
            "deploymentVersion": "2.4",
            "branch": "main",
        },
    }
    back = out(sent, V2, V1)
    assert back == {**message, "customProperties": {"branch": "main", "title": "shop 2.4"}}


def test_rules_of_its_own_are_never_added_to_and_a_message_without_gets_those_of_the_configuration():
    own = {"entityIds": ["HOST-9"]}
    message = {"eventType": "CUSTOM_INFO", "source": "s", "description": "d"}
    assert out({**message, "attachRules": own}, V1, V1)["attachRules"] == own
    assert out(message, V1, V1)["attachRules"] == RULES
    assert out(message, V1, V2)["entitySelector"] == 'type(HOST),tag("edge")'
