"""The stand-in of Dynatrace as a user runs it: the demo with a real agent, and a receiver that names the broken rule."""

import json
import urllib.error
import urllib.request

import pytest
from as_a_user import demo, receiver


def test_the_demo_shows_changes_an_outage_and_the_catch_up_as_messages_of_the_events_api():
    messages = demo("dynatrace")
    kinds = [one["eventType"] for one in messages]
    assert kinds.count("CUSTOM_CONFIGURATION") == 5
    names = [one["customProperties"].get("event_type") for one in messages]
    assert names.index("DeploymentEvent") < names.index("RestartEvent") < names.index("AgentStoppedEvent")


@pytest.mark.parametrize(
    ("path", "message", "rule"),
    [
        ("/api/v1/events", {"eventType": "CUSTOM_INFO", "source": "s"}, "description"),
        ("/api/v2/events/ingest", {"eventType": "CUSTOM_INFO"}, "title"),
        (
            "/api/v1/events",
            {"eventType": "CUSTOM_INFO", "source": "s", "description": "d"},
            "At least one entity ID or tag is required.",
        ),
    ],
)
def test_the_receiver_says_which_rule_a_message_broke(path, message, rule):
    headers = {"Content-Type": "application/json", "Authorization": "Api-Token k"}
    with receiver("dynatrace", "--api-key", "k") as ran:
        request = urllib.request.Request(ran.url + path, json.dumps(message).encode(), headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        refused.value.close()
    assert refused.value.code == 400
    assert rule in ran.out
    assert rule in ran.err
