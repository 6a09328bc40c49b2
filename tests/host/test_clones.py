"""A disk that was copied: the clone starts afresh, and tells nothing that the template saw."""

import uuid

import pytest
from harness import boots
from harness.boots import settled


@pytest.fixture
def template(host):
    """Return a host that the receiver does not hear, with an event in its spool."""
    known = boots.known(host)
    known.receiver.go_away()
    known.agent("event", "send", "KeptEvent", "--title", "in the spool")
    return known


def boot_a_clone(host, machine_id):
    host.write("/etc/machine-id", machine_id)
    host.write("/etc/hostname", "edge-02\n")
    host.configure(hostname="edge-02")
    host.receiver.come_back()
    host.boot()


def settled_as_a_clone(clone, seen_before):
    """Return what is told beside that it is a clone, whose spool held what it will not send."""
    assert settled(clone) == ["HostBootedEvent"]
    clone.receiver.forget("boot")
    told = clone.receiver.events[seen_before:]
    assert {event["host"] for event in told} == {"edge-02"}
    [started] = [event for event in told if event["event_type"] == "AgentStartedEvent"]
    assert started["context"]["data"]["cloned"] is True
    [dropped] = [event for event in told if event["event_type"] == "EventsDroppedEvent"]
    assert dropped["context"]["data"]["reason"] == "cloned image"
    return [event for event in told if event not in (started, dropped) and event["event_type"] != "MarkEvent"]


def test_a_clone_of_a_host_that_was_switched_off_tells_nothing_of_it(template):
    template.poweroff()
    seen_before = len(template.receiver.events)
    boot_a_clone(template, f"{uuid.uuid4().hex}\n")
    assert settled_as_a_clone(template, seen_before) == []
    template.reboot()
    assert settled(template) == ["HostShutdownEvent", "HostBootedEvent"]


def test_a_clone_of_a_crashed_host_tells_no_crash_and_nothing_that_was_left_for_its_dead_agent(template):
    template.shell("systemctl kill --signal=KILL sts-agent; systemctl stop sts-agent")
    template.agent("event", "send", "LeftEvent", "--title", "in incoming/")
    template.power_loss()
    seen_before = len(template.receiver.events)
    boot_a_clone(template, "")  # systemd makes it one
    assert settled_as_a_clone(template, seen_before) == []
    assert template.path("/var/lib/sts-agent/incoming-refused").is_dir()
