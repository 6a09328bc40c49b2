"""Suspend and resume by the real logind; only the kernel's part is played, by a service that waits."""

import json

import pytest
from harness import boots
from harness.boots import settled
from harness.image import BOOKWORM, TRIXIE

_SUSPEND = """\
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'until [ -e /run/wake ]; do sleep 0.05; done'
"""
AGENT = ("runuser", "-u", "sts-agent", "--", "/opt/sts-agent/bin/sts-agent", "run")
SLEPT_SECONDS = 10
SLEPT = ("unshare", "--time", f"--monotonic=-{SLEPT_SECONDS}", "--fork", "--kill-child")
"""Shows a program the clocks of a kernel that has slept so much longer."""


def can_sleep(host):
    """Return how to boot a host whose logind believes that the kernel can sleep."""
    return {"options": [f"--bind={host.path('/root/power-state')}:/sys/power/state"]}


@pytest.fixture(params=[TRIXIE, BOOKWORM], ids=["Debian 13 with polkit", "Debian 12 without polkit"])
def known(new_host, request):
    host = new_host(debian=request.param)
    host.write("/etc/systemd/system/systemd-suspend.service", _SUSPEND)
    host.write("/root/power-state", "freeze mem\n")
    return boots.known(host, **can_sleep(host))


with_polkit = pytest.mark.parametrize("known", [TRIXIE], indirect=True, ids=["Debian 13 with polkit"])


def fall_asleep(host):
    host.run("systemctl", "suspend")
    return host.receiver.wait_for_event("HostSuspendedEvent")


def test_a_sleep_and_its_end_are_told_once_each(known):
    boot_id = known.boot_id()
    assert fall_asleep(known)["context"]["data"] == {"boot_id": boot_id}
    assert boots.boots(known.receiver) == ["HostSuspendedEvent"]
    known.shell("touch /run/wake")
    resumed = known.receiver.wait_for_event("HostResumedEvent")
    assert resumed["context"]["data"] == {"boot_id": boot_id, "slept_seconds": 0, "noticed_by": "logind"}
    known.run("systemctl", "restart", "sts-agent")
    assert settled(known) == ["HostSuspendedEvent", "HostResumedEvent"]
    known.shell("rm /run/wake; systemctl suspend")
    known.receiver.wait_for(lambda events: [e["event_type"] for e in events].count("HostSuspendedEvent") == 2)
    known.shell("touch /run/wake")
    known.receiver.wait_for(lambda events: [e["event_type"] for e in events].count("HostResumedEvent") == 2)


@with_polkit
def test_a_sleep_is_on_disk_and_sent_while_logind_waits(known):
    seen = []

    def look(_):
        if not seen:
            jobs = known.run("systemctl", "list-jobs", "--no-pager").stdout
            seen.append((jobs, known.agent("log", "--json", "--type", "HostSuspendedEvent").stdout))

    known.receiver.answer = look
    suspended = fall_asleep(known)
    jobs, on_disk = seen[0]
    assert jobs == "No jobs running.\n"
    assert json.loads(on_disk)["context"]["source_identifier"] == suspended["context"]["source_identifier"]


@with_polkit
def test_a_power_loss_in_its_sleep_is_a_crash(known):
    fall_asleep(known)
    known.power_loss()
    known.boot(**can_sleep(known))
    assert settled(known) == ["HostSuspendedEvent", "HostCrashedEvent", "HostBootedEvent"]
    [crashed] = known.receiver.of_type("HostCrashedEvent")
    assert crashed["msg_title"] == "Host crashed or lost power while it slept"


@with_polkit
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
def test_an_agent_that_was_killed_in_between_reads_from_the_clocks_how_long_it_slept(known, announced):
    if announced:
        fall_asleep(known)
    known.shell("systemctl kill --signal=KILL sts-agent; systemctl stop sts-agent")
    known.shell("install -d -o sts-agent -g sts-agent /run/sts-agent")
    with known.running(*SLEPT, *AGENT):
        resumed = known.receiver.wait_for_event("HostResumedEvent")
        assert settled(known) == ["HostSuspendedEvent", "HostResumedEvent"]
    assert resumed["context"]["data"]["slept_seconds"] == SLEPT_SECONDS
    assert resumed["context"]["data"]["noticed_by"] == "clocks"
