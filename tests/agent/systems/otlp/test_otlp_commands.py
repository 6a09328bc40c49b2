"""The stand-in of OTLP as a user runs it: the demo with a real agent, and a receiver that names the broken rule."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))


def test_the_demo_shows_changes_an_outage_and_the_catch_up_as_log_records():
    ran = subprocess.run(
        [PROGRAM, "demo", "--system", "otlp", "--seconds", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    names = [json.loads(line)["eventName"] for line in ran.stdout.splitlines()]
    assert names.count("ConfigurationChangedEvent") == 5
    assert names.index("DeploymentEvent") < names.index("RestartEvent") < names.index("AgentStoppedEvent")


def test_the_receiver_shows_a_record_and_says_which_rule_it_broke():
    words = [PROGRAM, "receiver", "--system", "otlp", "--listen", "127.0.0.1:0", "--api-key", "k"]
    receiver = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = receiver.stderr.readline().rpartition(" ")[2].strip()
        records = [{"time_unix_nano": "1", "observedTimeUnixNano": "2", "eventName": "E"}]
        body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
        headers = {"Content-Type": "application/json", "Authorization": "Bearer k"}
        request = urllib.request.Request(f"{url}/v1/logs", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer) == {}
        receiver.send_signal(signal.SIGINT)
        out, _ = receiver.communicate(timeout=60)
    finally:
        receiver.kill()
        receiver.communicate()
    assert "1 requests, 1 events accepted" in out
    assert "time_unix_nano: is no field of LogRecord, and is passed over: write timeUnixNano" in out
