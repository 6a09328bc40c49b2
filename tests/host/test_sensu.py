"""Sensu's ports of the installed service on a booted host: a unit that fails is an event there until it runs again."""

import json

import pytest
from harness.free_ports import free_port

pytestmark = pytest.mark.every_debian

# Hosts share the network, and several run side by side: each test has ports of its own.
API, CLIENT, HTTP = free_port(), free_port(), free_port()
PORTS = f"""\
intake:
  sensu: {{api: '127.0.0.1:{API}', client: '127.0.0.1:{CLIENT}', http: '127.0.0.1:{HTTP}'}}
"""
ASK = f"""\
import json, sys, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:{API}/events").read().decode())
"""
SEND = f"""\
import socket
with socket.create_connection(("127.0.0.1", {CLIENT})) as connection:
    connection.sendall(b'{{"name": "disk", "output": "full", "status": 2}}')
    print(connection.recv(10).decode())
"""


def test_a_unit_that_fails_is_an_event_of_this_host_until_it_runs_again_also_across_a_reboot(host):
    host.configure(PORTS)
    host.write("/etc/systemd/system/worker.service", "[Service]\nExecStart=/bin/sleep 1000\n")
    host.boot()
    host.wait_until_watching("services")
    host.shell("systemctl start worker; systemctl kill -s KILL worker")
    host.receiver.wait_for_event("ServiceFailedEvent", unit="worker.service")
    (event,) = events(host)
    assert (event["client"]["name"], event["check"]["name"]) == ("edge-01", "worker.service")
    assert (event["check"]["status"], event["action"]) == (2, "create")
    assert host.python(SEND).strip() == "ok"
    host.receiver.wait_for_event("SensuEvent")
    host.reboot()
    assert [one["check"]["name"] for one in events(host)] == ["disk", "worker.service"]
    host.shell("systemctl start worker")
    host.catch_up()
    assert [one["check"]["name"] for one in events(host)] == ["disk"]


def events(host):
    """Return what the API shows, in the order of the checks."""
    return json.loads(host.python(ASK))
