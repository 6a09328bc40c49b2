"""The stand-in of Dynatrace as a user runs it: the demo with a real agent, and a receiver that names the broken rule."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))


def test_the_demo_shows_changes_an_outage_and_the_catch_up_as_messages_of_the_events_api():
    ran = subprocess.run(
        [PROGRAM, "demo", "--system", "dynatrace", "--seconds", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    messages = [json.loads(line) for line in ran.stdout.splitlines()]
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
    words = [PROGRAM, "receiver", "--system", "dynatrace", "--listen", "127.0.0.1:0", "--api-key", "k"]
    receiver = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = receiver.stderr.readline().rpartition(" ")[2].strip()
        headers = {"Content-Type": "application/json", "Authorization": "Api-Token k"}
        request = urllib.request.Request(url + path, json.dumps(message).encode(), headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        refused.value.close()
        receiver.send_signal(signal.SIGINT)
        out, err = receiver.communicate(timeout=60)
    finally:
        receiver.kill()
        receiver.communicate()
    assert refused.value.code == 400
    assert rule in out
    assert rule in err
