"""A host that gets another name while the agent runs: the next event carries it, and the commands say it."""

import json
import os
import subprocess
import sys

import pytest

from agent.events.chunk import entries
from spool import SpoolReader

NAMESPACE = ["unshare", "--uts", sys.executable, "-c"]
BEGIN = "import os, socket, sys; socket.sethostname('first.example.com'); os.execv(sys.argv[1], sys.argv[1:])"


def may_name_a_host() -> bool:
    return (
        os.geteuid() == 0
        and subprocess.run([*NAMESPACE, ""], check=False, capture_output=True).returncode == 0
    )


needs_a_namespace = pytest.mark.skipif(
    not may_name_a_host(), reason="needs root and a host name of its own (unshare --uts)"
)


def rename(agent, name):
    inside = ["nsenter", "--target", str(agent.process.pid), "--uts"]
    subprocess.run(
        [*inside, sys.executable, "-c", f"import socket; socket.sethostname({name!r})"], check=True
    )


def hosts(agent):
    with SpoolReader.open(agent.spool) as reader:
        records = [stored.record for stored in reader.records() if stored.record.name == "custom"]
    return [(record.hostname, json.loads(entries(record)[0])["host"]) for record in records]


def name_in_status(agent):
    return json.loads(agent.command("status", "--json", check=False).stdout)["hostname"]


@needs_a_namespace
def test_a_host_that_is_renamed_is_followed_at_once_and_events_keep_the_name_of_their_moment(
    agent, wait_until
):
    del agent.settings["hostname"]
    agent.configure()
    agent.prefix = [*NAMESPACE, BEGIN]
    agent.start()
    agent.post("before")
    rename(agent, "second.example.com")
    wait_until(lambda: name_in_status(agent) == "second.example.com", agent.log)
    agent.post("after")
    rename(agent, "localhost")
    rename(agent, "third.example.com")
    wait_until(lambda: name_in_status(agent) == "third.example.com", agent.log)
    agent.post("last")
    names = ["first.example.com", "second.example.com", "third.example.com"]
    assert hosts(agent) == [(name, name) for name in names]
    findings = json.loads(agent.command("doctor", "--json", check=False).stdout)["findings"]
    (found,) = (finding["text"] for finding in findings if finding["check"] == "hostname")
    assert found == "events are filed under urn:host:/third.example.com"


@needs_a_namespace
def test_a_name_that_is_configured_stays_whatever_the_host_is_called(agent):
    agent.prefix = [*NAMESPACE, BEGIN]
    agent.start()
    rename(agent, "second.example.com")
    agent.post("after")
    assert name_in_status(agent) == "test.example.com"
    assert hosts(agent) == [("test.example.com", "test.example.com")]


NAMELESS = "import os, socket, sys; socket.sethostname('localhost'); os.execv(sys.argv[1], sys.argv[1:])"


@needs_a_namespace
def test_a_host_without_a_name_keeps_what_is_posted_and_left_and_sends_it_when_it_has_one(
    agent, wait_until, receiver
):
    del agent.settings["hostname"]
    agent.configure()
    hidden = 'mount --bind /dev/null /etc/hostname && exec "$@"'
    nameless = ["unshare", "--uts", "--mount", "sh", "-c", hidden, "sh", sys.executable, "-c", NAMELESS]
    agent.prefix = nameless
    agent.send("left in incoming")
    agent.start()
    assert name_in_status(agent) is None
    agent.post("posted")
    agent.send("sent by hand")
    assert {host for host, _ in hosts(agent)} == {""}
    rename(agent, "found.example.com")
    found = wait_until(lambda: len(received(receiver)) == 3 and received(receiver), agent.log)
    for title in ("left in incoming", "posted", "sent by hand"):
        assert found[title]["host"] == "found.example.com"
        assert found[title]["context"]["element_identifiers"] == ["urn:host:/found.example.com"]


def received(receiver):
    return {one.event["msg_title"]: one.event for one in receiver.received if one.name == "custom"}
