"""Every port of the intake on a booted host: lines that were written for Sematext work there, and what it all holds.

Of those lines only the address and the token are another.
"""

import json
import re

import pytest
from harness.free_ports import free_port

from agent.systems.registry import stand_in

TOKEN = "0f-the-port"
# Hosts share the network, and several run side by side: each test has ports of its own.
PORT = f"127.0.0.1:{free_port()}"
SENSU = {kind: f"127.0.0.1:{free_port()}" for kind in ("api", "client", "http")}
ADDRESS = f"http://{PORT}/{TOKEN}/event"
UNIT = f"""\
[Service]
ExecStart=/bin/sleep 1000
ExecStartPre=/usr/bin/curl -s -XPOST "{ADDRESS}" -d '{{"message" : "Starting Elasticsearch on node es-1","type" : "server_start"}}'
ExecStopPost=/usr/bin/curl -s -XPOST "{ADDRESS}" -d '{{"message" : "Stopped Elasticsearch on node es-1","type" : "server_stop"}}'
"""
RC_LOCAL = f"""\
#!/bin/sh -e
curl -s -XPOST "{ADDRESS}" -d '{{"message" : "es-1 is up","type" : "host_start"}}'
exit 0
"""
BUILD = {
    "type": "deployment",
    "title": "shop 2.4",
    "message": "deployed 4f2c91a by pipeline 77",
    "tags": ["shop", "env:prod"],
    "creator": "ci",
}


@pytest.fixture
def application():
    with stand_in("sematext", credential="of-the-application") as one:
        yield one


OTHERS = f"""set -e
post() {{ curl -sS --fail -o /dev/null "$@"; }}
post -H 'sts-api-key: {TOKEN}' -d '{{"events": {{"custom": [{{"msg_title": "by StackState"}}]}}}}' http://{PORT}/intake
post -H 'Authorization: Api-Token {TOKEN}' -d '{{"eventType": "CUSTOM_INFO", "source": "s", "description": "by Dynatrace"}}' \
    http://{PORT}/api/v1/events
post -H 'Content-Type: application/json' -d '{{"name": "disk", "output": "by Sensu", "status": 1}}' http://{SENSU["http"]}/results
post http://{SENSU["api"]}/events
"""
"""What speaks the dialects that are not Sematext's."""


def test_lines_for_sematext_arrive_as_they_are_and_with_every_port_used_it_holds_at_most_48_mib(
    host, application
):
    destination = {**application.destination, "backoff": {"initial": "100ms", "max": "500ms"}}
    http = {"listen": PORT, "token_file": "/etc/sts-agent/intake_token"}
    intake = {"http": http, "sensu": SENSU}
    host.configure(f"  sematext: {json.dumps(destination)}\nintake: {json.dumps(intake)}\n")
    host.write("/etc/sts-agent/intake_token", TOKEN, mode=0o644)
    host.write("/etc/systemd/system/elasticsearch.service", UNIT)
    host.write("/etc/rc.local", RC_LOCAL, mode=0o755)
    host.boot()
    host.shell("systemctl start elasticsearch; systemctl stop elasticsearch")
    build = json.dumps(BUILD)
    host.run("runuser", "-u", "nobody", "--", "curl", "-s", "-XPOST", ADDRESS, "-d", build)

    posted = [*application.wait_for(lambda all_: len(told(all_)) >= 4, 60)]
    assert [one["type"] for one in told(posted)] == [
        "host_start",
        "server_start",
        "server_stop",
        "deployment",
    ]
    assert told(posted)[1]["message"] == "Starting Elasticsearch on node es-1"
    assert without(told(posted)[3], "timestamp") == BUILD
    assert application.report.broken == {}
    arrived = host.receiver.wait_for_event("deployment")
    assert (arrived["msg_title"], arrived["msg_text"]) == ("shop 2.4", "deployed 4f2c91a by pipeline 77")
    assert arrived["context"]["element_identifiers"] == ["urn:host:/edge-01"]

    host.shell(OTHERS)  # now all four dialects are loaded
    host.receiver.wait_for_event("SensuEvent")
    status = host.run("cat", f"/proc/{host.property('sts-agent.service', 'MainPID')}/status").stdout
    assert int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) <= 48 * 1024


def told(received):
    """Return what came by these lines; the agent's own events arrive there as well."""
    types = {"host_start", "server_start", "server_stop", "deployment"}
    return [one.event for one in received if one.event["type"] in types]


def without(event, key):
    return {name: value for name, value in event.items() if name != key}
