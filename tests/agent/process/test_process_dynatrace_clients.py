"""Programs that were made to post to Dynatrace post to the agent unchanged: their events arrive there and at StackState.

PyPI's `dt`, Debian's netdata and the curl line of the API's own documentation, as they are.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.free_ports import free_port

from agent.stand_in import Reply
from agent.systems.registry import stand_in

TOKEN = "the-token-of-the-port"
NETDATA = (
    Path("/usr/lib/netdata/plugins.d/alarm-notify.sh"),
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "sts-agent/netdata/usr/lib/netdata/plugins.d/alarm-notify.sh",
)
SEED = """{
  "eventType": "CUSTOM_ANNOTATION",
  "timeoutMinutes": 0,
  "attachRules": {

    "tagRule": [
      {
        "meTypes": [
          "CUSTOM_DEVICE"
        ],
        "tags": [
          {
            "context": "CONTEXTLESS",
            "key": "IG-test"
          }
        ]
      }
    ]
  },
  "source": "OpsControl",
  "annotationType": "defect",
  "annotationDescription": "coffee machine is defective"
}"""


@pytest.fixture(params=["v1", "v2"])
def environment(request):
    with stand_in("dynatrace", credential="of-the-environment") as one:
        one.api = request.param
        yield one


@pytest.fixture
def base(agent, environment):
    """Start an agent with both destinations and the port; return the base that a client is to be given."""
    port = free_port()
    (agent.directory / "token").write_text(TOKEN)
    agent.settings["destinations"]["desk"] = {
        **environment.destination,
        "api": environment.api,
        "backoff": {"initial": "50ms", "max": "200ms"},
    }
    agent.settings["intake"]["http"] = {
        "listen": f"127.0.0.1:{port}",
        "token_file": str(agent.directory / "token"),
    }
    agent.configure()
    agent.start()
    return f"http://127.0.0.1:{port}"


def arrived(side, is_it):
    """Wait for an event and return it."""
    return next(one for one in side.wait_for(lambda all_: any(map(is_it, all_)), 60) if is_it(one))


def at_both(receiver, environment, word):
    """Return what arrived at StackState and at Dynatrace, of the event that has a word in it."""
    found = [arrived(side, lambda one: word in json.dumps(one.event)) for side in (receiver, environment)]
    assert receiver.report.broken == {}
    assert environment.report.broken == {}
    assert found[0].name == "dynatrace"
    return found[0].event, found[1].event


def without_times(message):
    return {key: value for key, value in message.items() if key not in {"start", "end"}}


def lack(what):
    reason = f"{what} is not here; run: sudo make test-deps"
    if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def curl(url, token, body):
    if shutil.which("curl") is None:
        lack("curl")
    return subprocess.run(
        [
            *("curl", "-sS", "-X", "POST", url, "-w", "\n%{http_code}"),
            *("-H", f"Authorization: Api-token {token}", "-H", "Content-Type: application/json", "-d", body),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.rsplit("\n", 1)


def test_the_curl_line_of_the_documentation(base, receiver, environment):
    answer, status = curl(f"{base}/api/v1/events", TOKEN, SEED)
    assert status == "200"
    assert json.loads(answer)["storedIds"][0].startswith(f"{json.loads(answer)['storedEventIds'][0]}_")
    event, message = at_both(receiver, environment, "coffee machine")
    assert event["context"]["data"] == json.loads(SEED)
    if environment.api == "v1":
        assert without_times(message) == json.loads(SEED)
    else:
        assert message["entitySelector"] == 'type(CUSTOM_DEVICE),tag("IG-test")'


def test_the_curl_line_with_a_wrong_token_is_refused(base, receiver):
    answer, status = curl(f"{base}/api/v1/events", "wrong", SEED)
    assert (status, json.loads(answer)["error"]["code"]) == ("401", 401)
    assert not [one for one in receiver.received if one.name == "dynatrace"]


DT = """
import sys
from dynatrace import Dynatrace
client = Dynatrace(sys.argv[1], sys.argv[2])
print(client.events.create_event(
    "CUSTOM_INFO", "HOST-0000000000000007", "dt", description="by dt one", title="first",
    custom_properties={"build": "77"},
).json())
print(client.events_v2.ingest(
    "ERROR_EVENT", "by dt two", entity_selector='entityId("HOST-0000000000000008")', properties={"a": "b"},
))
"""


def test_the_client_of_pypi(base, receiver, environment):
    ran = subprocess.run(
        [sys.executable, "-c", DT, base, TOKEN], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert "storedEventIds" in first
    assert "'reportCount': 1" in second
    event, message = at_both(receiver, environment, "by dt one")
    assert event["context"]["element_identifiers"] == ["urn:host:/test.example.com", "HOST-0000000000000007"]
    assert event["msg_title"] == "first"
    if environment.api == "v1":
        assert message["attachRules"] == {"entityIds": ["HOST-0000000000000007"]}
        assert message["customProperties"] == {"build": "77"}
    event, message = at_both(receiver, environment, "by dt two")
    assert event["context"]["category"] == "Alerts"
    assert (message["eventType"], message["title"]) == ("ERROR_EVENT", "by dt two")


@pytest.fixture
def netdata():
    found = next((one for one in NETDATA if one.exists()), None)
    return found or lack("netdata's alarm-notify.sh")


def test_debians_netdata(base, receiver, environment, netdata, tmp_path):
    (tmp_path / "health_alarm_notify.conf").write_text(
        f"""
SEND_DYNATRACE="YES"
DYNATRACE_SPACE="space-1"
DYNATRACE_SERVER="{base}"
DYNATRACE_TOKEN="{TOKEN}"
DYNATRACE_TAG_VALUE="netdata"
DYNATRACE_ANNOTATION_TYPE="Netdata Alarm"
DYNATRACE_EVENT="ERROR_EVENT"
role_recipients_dynatrace[sysadmin]="sysadmin"
"""
    )
    environ = {
        **os.environ,
        "NETDATA_USER_CONFIG_DIR": str(tmp_path),
        "NETDATA_STOCK_CONFIG_DIR": str(tmp_path),
    }
    alarm = ["1", "1", "1", "1795700000", "disk_full", "disk.sda", "disk", "CRITICAL", "CLEAR", "99", "80"]
    more = ["file", "1", "1", "%", "the disk is full", "99%", "80%", "expression", "values", "0", "0"]
    ran = subprocess.run(
        [str(netdata), "sysadmin", "db-1", *alarm, *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environ,
    )
    assert "sent ERROR_EVENT" in ran.stderr, ran.stderr
    event, message = at_both(receiver, environment, "disk.sda")
    assert event["msg_title"] == "Netdata Alarm from db-1"
    assert event["tags"] == ["contextless:netdata"]
    assert message["eventType"] == "ERROR_EVENT"
    if environment.api == "v1":
        assert message["attachRules"] == {"tagRule": [{"meTypes": ["HOST"], "tags": ["netdata"]}]}
    else:
        assert message["entitySelector"] == 'type(HOST),tag("netdata")'


def test_what_is_posted_while_the_environment_is_down_arrives_when_it_is_back(base, agent, environment):
    environment.intercept = lambda _: Reply(503, b"down")
    assert curl(f"{base}/e/env-1/api/v1/events", TOKEN, SEED)[1] == "200"
    agent.kill()
    environment.intercept = None
    agent.start()
    arrived(environment, lambda one: "coffee machine" in json.dumps(one.event))
    assert environment.report.broken == {}
