"""The stand-in of Sensu as a user runs it: the demo with a real agent, and a receiver that names the broken rule."""

import json
import urllib.request

from as_a_user import demo, receiver


def test_the_demo_shows_changes_an_outage_and_the_catch_up_as_check_results():
    names = [result["name"] for result in demo("sensu")]
    assert names.count("ConfigurationChangedEvent") == 5
    assert names.index("DeploymentEvent") < names.index("RestartEvent") < names.index("AgentStoppedEvent")


def test_the_receiver_shows_a_result_and_says_which_rule_it_broke():
    body = json.dumps({"name": "disk", "output": "full", "status": 2, "source": "web-1"}).encode()
    with receiver("sensu") as ran:
        request = urllib.request.Request(f"{ran.url}/results", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert (answer.status, json.load(answer)) == (202, {"response": "ok"})
    assert "1 requests, 1 events accepted" in ran.out
    assert "web-1 disk: full" in ran.out
    assert "executed: is missing: the result counts as of now" in ran.out
