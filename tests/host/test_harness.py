"""What every other host test relies on."""

import json
import urllib.request
from pathlib import Path

import pytest
from harness.image import BOOKWORM, SYSVINIT, TRIXIE
from harness.machine import HostError
from harness.receiver import API_KEY

EVENT = {
    "event_type": "T",
    "msg_title": "t",
    "msg_text": "",
    "source_type_name": "config",
    "host": "edge-01",
    "tags": [],
    "timestamp": 1_700_000_000,
    "context": {
        "category": "Changes",
        "source": "test",
        "source_identifier": "1",
        "element_identifiers": ["urn:host:/edge-01"],
        "source_links": [],
        "data": {"path": "/a"},
    },
}


def test_a_host_boots_debian_with_systemd_as_process_1(host):
    host.mask_agent()
    host.boot()
    assert host.run("cat", "/proc/1/comm").stdout == "systemd\n"
    assert host.run("systemctl", "is-system-running").stdout == "running\n"
    assert host.run("hostname").stdout == "edge-01\n"


@pytest.mark.parametrize(
    ("debian", "init", "release"),
    [(BOOKWORM, "systemd", "12."), (TRIXIE, "systemd", "13."), (SYSVINIT, "init", "12.")],
    ids=["Debian 12", "Debian 13", "Debian 12 with sysvinit"],
)
def test_a_host_is_of_the_kind_of_debian_that_was_asked_for_and_runs_the_agent(
    new_host, debian, init, release
):
    host = new_host(debian=debian)
    host.boot()
    assert host.run("cat", "/proc/1/comm").stdout.strip() == init
    assert host.read("/etc/debian_version").startswith(release)
    host.receiver.wait_for_event("AgentStartedEvent")


def test_a_reboot_makes_a_new_boot_and_keeps_the_disk_and_the_machine_id(host):
    host.mask_agent()
    host.boot()
    before = host.boot_id(), host.read("/etc/machine-id")
    host.shell("echo kept > /root/file")
    host.reboot()
    assert host.boot_id() != before[0]
    assert host.read("/etc/machine-id") == before[1]
    assert host.read("/root/file") == "kept\n"


def test_a_power_loss_ends_every_process_at_once(host):
    host.mask_agent()
    host.boot()
    with host.running("sleep", "infinity") as process:
        host.power_loss()
        assert process.wait(60) != 0
    assert not host.is_running
    host.boot()
    assert "Shutting down" not in host.journal()


def test_a_host_that_was_switched_off_can_be_changed_and_switched_on_again(host):
    host.mask_agent()
    host.boot()
    host.poweroff()
    host.write("/etc/motd", "changed\n")
    host.boot()
    assert host.run("cat", "/etc/motd").stdout == "changed\n"


def test_two_hosts_share_nothing_but_the_machine_below(new_host):
    one, other = new_host("one"), new_host("other")
    for host in (one, other):
        host.mask_agent()
        host.boot()
    one.shell("systemctl stop dbus.socket dbus.service")
    assert other.property("dbus.service", "ActiveState") == "active"
    assert one.boot_id() != other.boot_id()


def test_the_installed_python_has_our_packages_and_their_dependencies(host):
    host.mask_agent()
    host.boot()
    names = "agent, collectors.event, spool, jeepney, msgspec, psutil, requests, watchdog, yaml"
    assert host.python(f"import {names}; print(agent.__file__)").startswith("/opt/sts-agent/")


def test_a_container_without_an_init_has_the_boot_id_of_the_machine_below(host):
    boot_id = "/proc/sys/kernel/random/boot_id"
    done = host.run_without_init("cat", "/proc/1/comm", boot_id)
    assert done.stdout == f"cat\n{Path(boot_id).read_text()}"


def test_a_command_that_fails_says_what_it_said(host):
    host.mask_agent()
    host.boot()
    with pytest.raises(HostError, match="ls: cannot access"):
        host.run("ls", "/nowhere")


def test_the_receiver_can_be_waited_for_and_be_away(receiver):
    body = json.dumps({"internalHostname": "edge-01", "events": {"config": [EVENT]}}).encode()
    headers = {"Content-Type": "application/json", "sts-api-key": API_KEY}
    request = urllib.request.Request(receiver.url + "/intake", body, headers)
    receiver.go_away()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(request)
    receiver.come_back()
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    assert receiver.wait_for_event("T", path="/a") == EVENT


def test_a_command_beside_the_test_ends_with_its_block_also_inside_the_host(host):
    host.mask_agent()
    host.boot()
    for user in ("root", "nobody"):
        with host.running("sh", "-c", "echo up; exec sleep 4711", user=user) as process:
            assert process.stdout.readline() == "up\n"
        assert host.run("pgrep", "-f", "sleep 4711", check=False).stdout == ""
