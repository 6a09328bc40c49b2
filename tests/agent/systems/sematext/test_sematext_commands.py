"""The stand-in of Sematext as a user runs it: the demo with a real agent, and a receiver that names the broken rule."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))


def test_the_demo_shows_changes_an_outage_and_the_catch_up_as_events_of_sematext():
    ran = subprocess.run(
        [PROGRAM, "demo", "--system", "sematext", "--seconds", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    types = [json.loads(line)["type"] for line in ran.stdout.splitlines()]
    assert types.count("ConfigurationChangedEvent") == 5
    assert "sts-agent receiver --system sematext" in ran.stderr
    assert types.index("DeploymentEvent") < types.index("RestartEvent") < types.index("AgentStoppedEvent")


@pytest.mark.parametrize(
    ("token", "event", "said"),
    [
        ("k", {"message": "m"}, "type: is required"),
        ("k", {"type": "t"}, "message: is required"),
        ("k", {"type": "t", "message": "m", "timestamp": "soon"}, "timestamp: `timestamp` is not ISO 8601"),
        ("k", {"type": "t", "message": "m", "tags": "a"}, "tags: is a list of texts"),
        ("other", {"type": "t", "message": "m"}, "Application not found for token other"),
    ],
)
def test_the_receiver_says_which_rule_an_event_broke(token, event, said):
    words = [PROGRAM, "receiver", "--system", "sematext", "--api-key", "k", "--listen", "127.0.0.1:0"]
    receiver = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = receiver.stderr.readline().rpartition(" ")[2].strip()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/{token}/event", json.dumps(event).encode(), timeout=60)
        assert said in json.load(refused.value)["error"]
        receiver.send_signal(signal.SIGINT)
        _, log = receiver.communicate(timeout=60)
    finally:
        receiver.kill()
        receiver.communicate()
    assert said in log
