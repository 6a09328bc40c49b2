"""What the agent tells of itself, each by what really brings it about on a booted host with the installed service."""

import os
import time

import pytest

pytestmark = pytest.mark.every_debian

UNIT = "sts-agent.service"
STARTED, STOPPED = "AgentStartedEvent", "AgentStoppedEvent"
REJECTED, DROPPED, RECOVERED = "AgentConfigurationRejectedEvent", "EventsDroppedEvent", "SpoolRecoveredEvent"
MOST_FILES = 500
DATABASE = "/var/lib/sts-agent/spool.db"

POST_UNTIL_FULL = """\
import http.client, json, os, socket
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect("/run/sts-agent/intake.sock")
answer, posted = 200, -8
while answer < 300:
    posted += 8
    events = [{"msg_title": "big", "msg_text": os.urandom(50_000).hex(), "event_type": "BigEvent"} for _ in range(8)]
    connection.request("POST", "/stsAgent/intake", json.dumps({"internalHostname": "x", "events": {"custom": events}}))
    response = connection.getresponse()
    response.read()
    answer = response.status
print(posted)
"""


def told(host, *event_types):
    """Return (type, category, data) of the agent's own events of these types, once everything has arrived."""
    host.catch_up()
    return [
        (event["event_type"], event["context"]["category"], event["context"]["data"])
        for event in host.receiver.events
        if event["source_type_name"] == "agent" and event["event_type"] in event_types
    ]


def test_a_start_tells_who_sees_the_host_first_and_a_restart_tells_nothing_of_a_service(host):
    host.boot()
    host.wait_until_watching("host", "packages", "services")
    version = host.agent("--version").stdout.split()[-1]
    ((_, category, first),) = told(host, STARTED, STOPPED)
    counts = {"version": version, "configuration_hash": first["configuration_hash"]}
    assert (category, first) == ("Activities", counts | {"baseline": "host, packages, services"})
    host.shell(f"systemctl reload {UNIT}; systemctl restart {UNIT}")
    host.wait_until_watching("services")
    host.shell(f"systemctl kill -s KILL {UNIT}; systemctl start nginx; systemctl restart {UNIT}")
    host.receiver.wait_for_event("ServiceStartedEvent", unit="nginx.service")
    stop = (STOPPED, "Activities", {"version": version})
    start = (STARTED, "Activities", counts | {"baseline": ""})
    assert told(host, STARTED, STOPPED)[1:3] == [stop, start]
    units = {event["context"]["data"].get("unit") for event in host.receiver.events}
    assert units == {None, "nginx.service"}


def test_a_start_on_another_machine_says_that_the_spool_was_cloned(host):
    host.boot()
    host.receiver.wait_for_event(STARTED)
    host.poweroff()
    host.write("/etc/machine-id", f"{os.urandom(16).hex()}\n")
    host.boot()
    cloned = host.receiver.wait_for_event(STARTED, cloned=True)
    assert cloned["context"]["data"]["baseline"] == "host, packages, services"


def test_a_wrong_configuration_is_told_at_the_start_and_at_a_reload_with_what_goes_on_instead(host):
    bad = "/etc/sts-agent/conf.d/bad.yaml"
    host.write(bad, "files:\n  - pahts: [/etc/hosts]\nservises: []\n")
    host.boot()
    host.receiver.wait_for_event(REJECTED)
    host.write(bad, "services: 7\n")
    host.shell(f"systemctl kill -s HUP {UNIT}")  # as somebody does who does not ask `check` first
    host.receiver.wait_for(lambda _: len(host.receiver.of_type(REJECTED)) == 2)
    [(_, category, at_start), (_, _, at_reload)] = told(host, REJECTED)
    assert category == "Alerts"
    assert (at_start["problems"], at_start["effect"]) == (3, "The agent started without bad.yaml.")
    assert at_start["first_problem"].startswith(f"{bad}:2: ")
    assert (at_reload["problems"], at_reload["effect"]) == (1, "The old one goes on.")
    assert at_reload["first_problem"].startswith(f"{bad}:1: services")


@pytest.mark.long
def test_what_a_full_spool_lets_go_of_is_told_with_count_reason_and_from_when_to_when(host):
    host.configure("spool: {max_size: 8MiB}\n")
    host.write("/etc/sts-agent/conf.d/x.yaml", "files:\n  - paths: [/srv/x/*]\n")
    host.write("/srv/x/first", "")
    host.boot()
    host.wait_until_watching("files")
    host.catch_up()  # else what the start itself told is among what is let go of
    host.receiver.go_away()
    began = int(time.time())
    posted = int(
        host.python(POST_UNTIL_FULL)
    )  # the share of what is posted; the rest is for the host's own events
    created = 0
    while DROPPED not in host.agent("log", "-n", "1000", "--type", DROPPED, "--json").stdout:
        assert created < MOST_FILES, "so many events fit into no spool of 8 MiB"
        for _ in range(100):
            created += 1
            lines = (f"{line} {int.from_bytes(os.urandom(16))}\n" for line in range(1500))
            host.write(f"/srv/x/{created}", "".join(lines))
        host.wait_in_log("ConfigurationChangedEvent", created, timeout_seconds=120)
    host.shell(
        f"systemctl restart {UNIT}"
    )  # else what was dropped after the first word of it is told an hour later
    host.receiver.come_back()
    drops = told(host, DROPPED)
    arrived = len(host.receiver.of_type("BigEvent"))
    assert len(host.receiver.of_type("ConfigurationChangedEvent")) == created
    assert sum(data["count"] for _, _, data in drops) == posted - arrived > 0
    for _, category, data in drops:
        assert (category, data["destination"], data["reason"]) == ("Alerts", "stackstate", "full")
        assert began <= data["first_timestamp"] <= data["last_timestamp"] <= time.time()


def test_a_spool_that_was_damaged_while_the_host_was_off_is_told_once_with_what_was_saved(host):
    host.boot()
    host.receiver.wait_for_event(STARTED)
    host.receiver.go_away()
    for number in range(5):
        host.agent("event", "send", "CountEvent", "--title", str(number))
    host.poweroff()
    with host.path(DATABASE).open("r+b") as database:
        database.write(bytes(4096))
    host.receiver.come_back()
    began = int(time.time())
    host.boot()
    host.receiver.wait_for_event(RECOVERED)
    found = time.time()
    host.reboot()
    host.receiver.wait_for(lambda _: len(host.receiver.of_type(STARTED)) == 3)
    [(_, category, data)] = told(host, RECOVERED)
    assert category == "Alerts"
    assert data["reason"].startswith("SQLite refuses it: ")
    assert data["events_salvaged"] >= 5
    assert (data["events_lost"], data["positions_kept"], data["memory_lost"]) == (0, True, "")
    assert host.path(data["copy"]).is_dir()
    assert began <= data["found_at"] <= found
    assert host.receiver.titles("CountEvent") == ["0", "1", "2", "3", "4"]
