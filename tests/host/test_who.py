"""Who changed it: a step before the service makes what names processes, and the service itself may ask for nothing."""

import json
import os
import re

import pytest

UNIT = "sts-agent.service"
CONF = "/etc/sts-agent/conf.d/app.yaml"
ALLOWED = ("--system-call-filter=fanotify_init fanotify_mark",)
"""What systemd-nspawn has to be told to let a host have fanotify, as a machine of its own has."""


def who(host):
    return json.loads(host.agent("status", "--json").stdout)["who"]


def stored(host):
    """Return how many descriptors systemd keeps for the service."""
    return int(host.property(UNIT, "NFileDescriptorStore"))


def groups(host):
    """Return how many groups of fanotify the service has open."""
    pid = host.property(UNIT, "MainPID")
    return host.shell(f"ls -l /proc/{pid}/fd || true").count("anon_inode:[fanotify]")


def wait_until_marked(host):
    host.run("systemctl", "start", UNIT)  # until the step after the start is over, too
    host.wait_until_watching("files")
    host.catch_up()
    return who(host)


def at_once(host):
    """Return which threads of the service have a real-time priority, as the kernel says: their names, policies and priorities."""
    pid = host.property(UNIT, "MainPID")
    said = host.python(f"""
import os
from pathlib import Path
for task in Path("/proc/{pid}/task").iterdir():
    if policy := os.sched_getscheduler(int(task.name)):
        print((task / "comm").read_text().strip(), policy, os.sched_getparam(int(task.name)).sched_priority)
""")
    return said.splitlines()


def test_a_refusal_takes_the_place_of_the_one_before_and_leaves_room_for_what_may_come(host):
    host.boot()
    for _ in range(5):
        host.run("systemctl", "restart", UNIT)
    assert stored(host) == 1
    assert "not permitted here" in who(host)["why"]
    assert "Cannot store more fds" not in host.journal()


LISTENS = [f"who-watch {os.SCHED_RR | os.SCHED_RESET_ON_FORK} 1"]


@pytest.mark.every_debian
def test_the_kernel_names_processes_to_a_service_that_may_ask_for_nothing(host):
    host.write(CONF, "files:\n  - paths: [/etc/app/**]\n")
    host.write("/etc/app/closed/a", "1\n")
    host.path("/etc/app/closed").chmod(0o700)
    host.boot(options=ALLOWED)
    host.receiver.wait_for_event("AgentStartedEvent")

    assert wait_until_marked(host) == {"on": True, "at_once": True, "directories": 2}
    assert "who: on, at once, 2 directories" in host.agent("status").stdout
    assert "who: on" in host.journal(UNIT)
    assert "ok  who  on, at once" in re.sub(r"  +", "  ", host.agent("doctor", check=False).stdout)

    # One thread runs at once, and no other; the service could not do that, nor what it starts.
    assert at_once(host) == LISTENS
    assert host.property(UNIT, "RestrictRealtime") == "yes"

    host.run("systemd-run", "--unit=edit.service", "sh", "-c", "echo 2 > /etc/app/closed/a; sleep 1000")
    change = host.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/app/closed/a")
    told = {key: value for key, value in change["context"]["data"].items() if key.startswith("origin")}
    assert (told["origin"], told["origin_how"], told["origin_unit"]) == ("service", "process", "edit.service")
    assert (told["origin_user"], "origin_login_user" in told) == ("root", False)

    # What systemd keeps does not grow by a restart.
    assert (stored(host), groups(host)) == (2, 2)
    host.run("systemctl", "restart", UNIT)
    host.run("systemctl", "restart", UNIT)
    assert wait_until_marked(host) == {"on": True, "at_once": True, "directories": 2}
    assert at_once(host) == LISTENS
    assert (stored(host), groups(host)) == (2, 2)

    # A reload follows the configuration, and tries again whether it works.
    agent_yaml = host.read("/etc/sts-agent/agent.yaml")
    host.write("/etc/sts-agent/agent.yaml", agent_yaml + "who: false\n")
    host.reload()
    assert wait_until_marked(host) == {"on": False, "why": "switched off by `who: false`"}
    host.write("/etc/sts-agent/agent.yaml", agent_yaml + "who: {execs: true}\n")
    host.reload()
    assert wait_until_marked(host) == {"on": True, "at_once": True, "execs": True, "directories": 2}
    assert at_once(host) == LISTENS
    assert starts(host) == 3

    # Started again by systemd it is the same.
    host.run("kill", "-9", host.property(UNIT, "MainPID"))
    host.receiver.wait_for(lambda _: starts(host) == 4)
    assert wait_until_marked(host) == {"on": True, "at_once": True, "execs": True, "directories": 2}

    # Without the step after the start it waits for a processor, and says so.
    host.write(f"/etc/systemd/system/{UNIT}.d/other.conf", "[Service]\nExecStartPost=\n")
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "restart", UNIT)
    assert wait_until_marked(host) == {"on": True, "execs": True, "directories": 2}
    assert "who: on, when a processor is free, 2 directories" in host.agent("status").stdout
    assert at_once(host) == []

    # A unit without the step before the start works, and says what it lacks.
    host.write(f"/etc/systemd/system/{UNIT}.d/other.conf", "[Service]\nExecStartPre=\n")
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "stop", UNIT)
    host.run("systemctl", "start", UNIT)
    assert "has no step" in wait_until_marked(host)["why"]


def starts(host):
    return sum(event["event_type"] == "AgentStartedEvent" for event in host.receiver.events)


def test_a_container_that_forbids_it_is_a_host_on_which_nobody_is_named_and_status_says_so(host):
    host.write(CONF, "files:\n  - paths: [/etc/app/**]\n")
    host.write("/etc/app/a", "1\n")
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    host.wait_until_watching("files")
    assert who(host)["why"].startswith("not permitted here")
    assert host.property(UNIT, "NRestarts") == "0"
    assert "who: off: not permitted here" in host.agent("status").stdout
    assert "who" in host.agent("doctor", check=False).stdout
    assert host.agent("status", "--exit-code").returncode == 0
    host.shell("echo 2 > /etc/app/a")
    host.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/app/a")
