"""Debian 13: systemd 257, which soft-reboots and tells the kind of a shutdown early, and no wtmp any more."""

import json

import pytest
from harness import boots
from harness.boots import settled
from harness.image import TRIXIE


@pytest.fixture
def known(new_host):
    return boots.known(new_host(debian=TRIXIE))


def test_the_installed_service_works_on_its_python(known):
    assert known.python("import sys; print(sys.version_info[:2])") == "(3, 13)\n"
    assert known.run("systemctl", "is-system-running").stdout == "running\n"
    status = json.loads(known.agent("status", "--json").stdout)
    assert {one["state"] for one in status["collectors"].values()} == {"running"}


def test_a_soft_reboot_is_a_shutdown_and_a_boot_of_the_same_kernel_boot(known):
    boot_id = known.boot_id()
    for number in (1, 2):
        known.run("systemctl", "soft-reboot")
        known.receiver.wait_for(
            lambda events, number=number: sum(e["event_type"] == "HostBootedEvent" for e in events) == number
        )
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"] * 2
    assert known.boot_id() == boot_id
    identifiers = [event["context"]["source_identifier"] for event in known.receiver.events]
    assert len(set(identifiers)) == len(identifiers)
    for shutdown, booted in zip(
        known.receiver.of_type("HostShutdownEvent"), known.receiver.of_type("HostBootedEvent"), strict=True
    ):
        assert shutdown["context"]["data"] == {"boot_id": boot_id, "kind": "soft-reboot"}
        data = booted["context"]["data"]
        assert data["boot_id"] == data["previous_boot_id"] == boot_id
        assert data["previous_shutdown"] == "clean"
    known.power_loss()
    known.boot()
    assert settled(known)[4:] == ["HostCrashedEvent", "HostBootedEvent"]


def test_a_reboot_is_on_disk_and_sent_with_its_kind_while_logind_waits(known):
    seen = []

    def look(_):
        if seen:
            return
        jobs = known.run("systemctl", "list-jobs", "--no-pager").stdout
        on_disk = known.agent("log", "--json", "--type", "HostShutdownEvent").stdout
        seen.append((jobs, on_disk))

    known.receiver.answer = look
    known.run("systemctl", "reboot", check=False)
    shutdown = known.receiver.wait_for_event("HostShutdownEvent")
    known.receiver.answer = None
    known.wait_until_off()
    assert shutdown["context"]["data"]["kind"] == "reboot"
    jobs, on_disk = seen[0]
    assert jobs == "No jobs running.\n"
    assert json.loads(on_disk)["context"]["source_identifier"] == shutdown["context"]["source_identifier"]
    known.boot()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]


def test_without_polkit_the_kind_is_heard_all_the_same(known):
    known.shell("systemctl mask --now polkit; systemctl restart sts-agent")
    known.reboot()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]
    [shutdown] = known.receiver.of_type("HostShutdownEvent")
    assert shutdown["context"]["data"]["kind"] == "reboot"
