"""The stand-in receiver holds events to every documented rule."""

import json
import random

import pytest

from agent.systems.stackstate.stand_in_rules import check
from collectors.event import FORBIDDEN_NAME_PREFIXES, Category, Event, encode

TUTORIAL = {
    "collection_timestamp": 1700000000,
    "events": {
        "puppet": [
            {
                "context": {
                    "category": "Changes",
                    "data": {},
                    "element_identifiers": ["urn:host:/localhost.localdomain"],
                    "source": "Puppet",
                    "source_links": [{"title": "puppet", "url": "http://localhost"}],
                },
                "event_type": "ConfigurationChangedEvent",
                "msg_title": "Puppet run for localhost.localdomain changed",
                "msg_text": "",
                "source_type_name": "ConfigurationChangedEvent",
                "tags": ["configuration_version:1", "environment:production", "status: changed"],
                "timestamp": 1700000000,
            }
        ]
    },
    "internalHostname": "localhost.localdomain",
    "metrics": [],
    "service_checks": [],
    "topologies": [],
}


def body(**changes):
    return json.dumps({**TUTORIAL, **changes}).encode()


def event_body(**changes):
    event = {**TUTORIAL["events"]["puppet"][0], **changes}
    return body(events={"puppet": [event]})


def context_body(**changes):
    return event_body(context={**TUTORIAL["events"]["puppet"][0]["context"], **changes})


def test_the_tutorials_event_breaks_no_rule():
    checked = check(body())
    assert checked.problems == ()
    assert [one.name for one in checked.events] == ["puppet"]


def test_our_own_events_break_no_rule():
    event = Event(
        name="config",
        event_type="ConfigurationChangedEvent",
        category=Category.CHANGES,
        title="t",
        text="x",
        timestamp=1700000000,
        tags=("env:prod",),
        element_identifiers=("urn:host:/h",),
    )
    checked = check(b'{"internalHostname":"h","events":{"config":[' + encode(event) + b"]}}")
    assert checked.problems == ()
    assert checked.events[0].identifier == event.source_identifier


def test_a_missing_host_name_gives_the_receivers_own_words():
    expected = (
        "Failed to deserialize JSON on fields: , with message: "
        "Object is missing required member 'internalHostname'"
    )
    assert check(b"{}").refusal == expected


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"{", ""),
        (body(internalHostname=""), "internalHostname"),
        (body(internalHostname=None), "internalHostname"),
        (body(collection_timestamp=1700000000000), "collection_timestamp"),
        (body(collection_timestamp="now"), "collection_timestamp"),
        (body(metrics=None), "metrics"),
        (body(health={}), "health"),
        (body(events=None), "events"),
        (body(events=[]), "events"),
        (body(events={"": []}), "events"),
        (body(events={"a": None}), "events.a"),
        (body(events={"a": [1]}), "events.a(0)"),
        (event_body(msg_text=None), "events.puppet(0).msg_text"),
        (event_body(timestamp=1700000000000), "events.puppet(0).timestamp"),
        (event_body(timestamp=1.5), "events.puppet(0).timestamp"),
        (event_body(timestamp=-1), "events.puppet(0).timestamp"),
        (event_body(timestamp=True), "events.puppet(0).timestamp"),
        (event_body(tags=None), "events.puppet(0).tags"),
        (event_body(tags=[1]), "events.puppet(0).tags"),
        (event_body(context=None), "events.puppet(0).context"),
        (context_body(source_links=None), "events.puppet(0).context.source_links"),
        (context_body(source_links=[{"title": "x"}]), "events.puppet(0).context.source_links(0)"),
        (context_body(element_identifiers=None), "events.puppet(0).context.element_identifiers"),
        (context_body(data=[]), "events.puppet(0).context.data"),
        (context_body(source=1), "events.puppet(0).context.source"),
        (event_body(msg_text="x" * 1024 * 1024), "events.puppet(0)"),
    ],
)
def test_what_the_receiver_cannot_read_is_refused_and_named(wrong, where):
    checked = check(wrong)
    assert checked.refusal is not None
    assert [problem.where for problem in checked.problems if problem.refused] == [where]


@pytest.mark.parametrize("prefix", FORBIDDEN_NAME_PREFIXES)
def test_a_name_with_a_forbidden_prefix_is_refused(prefix):
    assert check(body(events={f"{prefix}-x": []})).refusal is not None


@pytest.mark.parametrize(
    ("doubtful", "where"),
    [
        (context_body(category="Changing"), "events.puppet(0).context.category"),
        (context_body(element_identifiers=[]), "events.puppet(0).context.element_identifiers"),
        (event_body(tags=["lonely"]), "events.puppet(0).tags"),
        (event_body(priority="urgent"), "events.puppet(0).priority"),
        (event_body(alert_type="bad"), "events.puppet(0).alert_type"),
    ],
)
def test_what_is_taken_but_not_shown_as_meant_is_accepted_and_told(doubtful, where):
    checked = check(doubtful)
    assert checked.refusal is None
    assert [problem.where for problem in checked.events[0].problems] == [where]


def test_no_bytes_make_the_check_fail():
    noise = random.Random(7)
    valid = body()
    for _ in range(500):
        spoilt = bytearray(valid)
        for _ in range(3):
            spoilt[noise.randrange(len(spoilt))] = noise.randrange(256)
        check(bytes(spoilt))
