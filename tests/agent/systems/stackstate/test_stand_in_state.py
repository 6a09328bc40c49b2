"""The stand-in takes topologies and health as StackState documents them, and says which rule was broken."""

import copy
import json

import pytest

from agent.systems.stackstate.stand_in_rules import check

HOST = {
    "externalId": "urn:host:/h",
    "type": {"name": "host"},
    "data": {"name": "h", "layer": "l", "domain": "d", "environment": "e", "labels": [], "identifiers": ["urn:host:/h"], "tags": []},
}  # fmt: skip
UNIT = {**copy.deepcopy(HOST), "externalId": "urn:u"}
RELATION = {
    "externalId": "r",
    "sourceId": "urn:u",
    "targetId": "urn:host:/h",
    "type": {"name": "runs_on"},
    "data": {},
}
TOPOLOGY = {
    "start_snapshot": True,
    "stop_snapshot": True,
    "instance": {"type": "t", "url": "u"},
    "components": [HOST, UNIT],
    "relations": [RELATION],
    "delete_ids": [],
}
STATE = {
    "checkStateId": "c",
    "name": "n",
    "health": "Clear",
    "topologyElementIdentifier": "urn:host:/h",
    "message": "m",
}
HEALTH = {
    "consistency_model": "REPEAT_SNAPSHOTS",
    "stream": {"urn": "urn:health:s:t", "sub_stream_id": "h"},
    "start_snapshot": {"repeat_interval_s": 60, "expiry_interval_s": 180},
    "stop_snapshot": {},
    "check_states": [STATE],
}
GONE = object()


def broken(section, item):
    """Return (place, rule, whether it is refused) of all that is wrong with a body of this item."""
    body = json.dumps({"internalHostname": "h", section: [item]}).encode()
    return [(one.where, one.rule, one.refused) for one in check(body).problems]


def changed(whole, path, value):
    """Return a copy of `whole` with another value at a path as `components.0.data.name`."""
    item = copy.deepcopy(whole)
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    inner = item
    for step in way:
        inner = inner[step]
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    return item


def test_what_is_documented_is_taken():
    assert broken("topologies", TOPOLOGY) == []
    assert broken("health", HEALTH) == []


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("instance", GONE, "instance"),
        ("instance.type", GONE, "instance"),
        ("instance.url", "", "instance.url"),
        ("start_snapshot", {}, "start_snapshot"),
        ("stop_snapshot", 1, "stop_snapshot"),
        ("components", {}, "components"),
        ("components.0", "x", "components(0)"),
        ("components.0.externalId", GONE, "components(0)"),
        ("components.0.type", "host", "components(0).type"),
        ("components.0.type.name", GONE, "components(0).type"),
        ("components.0.data", GONE, "components(0).data"),
        ("components.1.data.layer", 1, "components(1).data.layer"),
        ("components.1.data.identifiers", "urn:u", "components(1).data.identifiers"),
        ("components.1.data.tags", [1], "components(1).data.tags"),
        ("relations", None, "relations"),
        ("relations.0.sourceId", GONE, "relations(0)"),
        ("relations.0.type", GONE, "relations(0).type"),
        ("delete_ids", None, "delete_ids"),
    ],
)  # fmt: skip
def test_a_topology_without_what_is_required_is_refused(path, value, where):
    found = broken("topologies", changed(TOPOLOGY, path, value))
    assert (f"topologies(0).{where}", True) in [(place, refused) for place, _, refused in found]


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("components.1.data.identifiers", [], "components(1).data.identifiers"),
        ("components.1.data.name", GONE, "components(1).data.name"),
        ("components.1.externalId", "urn:host:/h", "components"),
        ("relations.0.targetId", "urn:elsewhere", "relations(0).targetId"),
        ("delete_ids", ["urn:u"], "delete_ids"),
    ],
)
def test_a_topology_that_does_less_than_was_meant_is_taken_and_told(path, value, where):
    found = broken("topologies", changed(TOPOLOGY, path, value))
    assert (f"topologies(0).{where}", False) in [(place, refused) for place, _, refused in found]
    assert not any(refused for _, _, refused in found)


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("consistency_model", GONE, "consistency_model"),
        ("consistency_model", "SNAPSHOTS", "consistency_model"),
        ("stream", GONE, "stream"),
        ("stream.urn", "urn:health:s", "stream.urn"),
        ("stream.sub_stream_id", "", "stream.sub_stream_id"),
        ("start_snapshot", True, "start_snapshot"),
        ("start_snapshot.repeat_interval_s", GONE, "start_snapshot.repeat_interval_s"),
        ("start_snapshot.repeat_interval_s", 1801, "start_snapshot.repeat_interval_s"),
        ("start_snapshot.repeat_interval_s", 60.0, "start_snapshot.repeat_interval_s"),
        ("start_snapshot.repeat_interval_s", 0, "start_snapshot.repeat_interval_s"),
        ("start_snapshot.expiry_interval_s", GONE, "start_snapshot.expiry_interval_s"),
        ("start_snapshot.expiry_interval_s", "3m", "start_snapshot.expiry_interval_s"),
        ("stop_snapshot", True, "stop_snapshot"),
        ("check_states", {}, "check_states"),
        ("check_states.0", [], "check_states(0)"),
        ("check_states.0.checkStateId", GONE, "check_states(0)"),
        ("check_states.0.name", GONE, "check_states(0)"),
        ("check_states.0.health", "CLEAR", "check_states(0).health"),
        ("check_states.0.topologyElementIdentifier", GONE, "check_states(0)"),
        ("check_states.0.message", None, "check_states(0).message"),
    ],
)
def test_health_without_what_is_required_is_refused(path, value, where):
    found = broken("health", changed(HEALTH, path, value))
    assert (f"health(0).{where}", True) in [(place, refused) for place, _, refused in found]


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("start_snapshot", GONE, "start_snapshot"),
        ("stop_snapshot", GONE, "stop_snapshot"),
        ("start_snapshot.expiry_interval_s", 60, "start_snapshot.expiry_interval_s"),
        ("check_states", [STATE, STATE], "check_states"),
    ],
)
def test_health_that_does_less_than_was_meant_is_taken_and_told(path, value, where):
    found = broken("health", changed(HEALTH, path, value))
    assert [(place, refused) for place, _, refused in found] == [(f"health(0).{where}", False)]


def test_the_expiry_is_asked_for_with_a_sub_stream_alone():
    without = changed(changed(HEALTH, "start_snapshot.expiry_interval_s", GONE), "stream.sub_stream_id", GONE)
    assert broken("health", without) == []


def test_an_item_that_is_no_object_is_refused_in_both():
    assert broken("topologies", "x") == [("topologies(0)", "Expected an object", True)]
    assert broken("health", 1) == [("health(0)", "Expected an object", True)]


def paths(value, way=""):
    """Yield the path of everything below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield f"{way}{key}"
        yield from paths(inner, f"{way}{key}.")


EVENT = {
    "msg_title": "t", "msg_text": "x", "timestamp": 1, "event_type": "e", "source_type_name": "s", "host": "h",
    "tags": ["a:b"], "priority": "low", "alert_type": "info", "aggregation_key": "k",
    "context": {
        "category": "Changes", "source": "s", "source_identifier": "i", "element_identifiers": ["urn:host:/h"],
        "source_links": [{"title": "t", "url": "u"}], "data": {},
    },
}  # fmt: skip
WHOLE = {
    "collection_timestamp": 1,
    "internalHostname": "h",
    "events": {"custom": [EVENT]},
    "topologies": [TOPOLOGY],
    "health": [HEALTH],
}


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "", "x", [], [[]], {}, {"x": []}], ids=repr)
def test_whatever_stands_in_a_place_it_is_judged_and_nothing_fails(value):
    assert check(json.dumps(WHOLE).encode()).problems == ()
    for path in paths(WHOLE):
        check(json.dumps(changed(WHOLE, path, value)).encode())
