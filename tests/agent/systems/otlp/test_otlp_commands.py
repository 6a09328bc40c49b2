"""The stand-in of OTLP as a user runs it: the demo with a real agent, and a receiver that names the broken rule."""

import json
import urllib.request

from as_a_user import demo, receiver


def test_the_demo_shows_changes_an_outage_and_the_catch_up_as_log_records():
    names = [record["eventName"] for record in demo("otlp")]
    assert names.count("ConfigurationChangedEvent") == 5
    assert names.index("DeploymentEvent") < names.index("RestartEvent") < names.index("AgentStoppedEvent")


def test_the_receiver_shows_a_record_and_says_which_rule_it_broke():
    records = [{"time_unix_nano": "1", "observedTimeUnixNano": "2", "eventName": "E"}]
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer k"}
    with receiver("otlp", "--api-key", "k") as ran:
        request = urllib.request.Request(f"{ran.url}/v1/logs", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer) == {}
    assert "1 requests, 1 events accepted" in ran.out
    assert "time_unix_nano: is no field of LogRecord, and is passed over: write timeUnixNano" in ran.out
