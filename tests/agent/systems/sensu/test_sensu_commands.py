"""The stand-in of Sensu as a user runs it: the demo with a real agent, and a receiver that names the broken rule."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))


def test_the_demo_shows_changes_an_outage_and_the_catch_up_as_check_results():
    ran = subprocess.run(
        [PROGRAM, "demo", "--system", "sensu", "--seconds", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    names = [json.loads(line)["name"] for line in ran.stdout.splitlines()]
    assert names.count("ConfigurationChangedEvent") == 5
    assert names.index("DeploymentEvent") < names.index("RestartEvent") < names.index("AgentStoppedEvent")


def test_the_receiver_shows_a_result_and_says_which_rule_it_broke():
    words = [PROGRAM, "receiver", "--system", "sensu", "--listen", "127.0.0.1:0"]
    receiver = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = receiver.stderr.readline().rpartition(" ")[2].strip()
        body = json.dumps({"name": "disk", "output": "full", "status": 2, "source": "web-1"}).encode()
        request = urllib.request.Request(f"{url}/results", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert (answer.status, json.load(answer)) == (202, {"response": "ok"})
        receiver.send_signal(signal.SIGINT)
        out, _ = receiver.communicate(timeout=60)
    finally:
        receiver.kill()
        receiver.communicate()
    assert "1 requests, 1 events accepted" in out
    assert "web-1 disk: full" in out
    assert "executed: is missing: the result counts as of now" in out
