"""A host without systemd: what init leaves in utmp and wtmp is all there is, and all that is needed."""

import os

import pytest
from harness import boots
from harness.boots import settled
from harness.image import SYSVINIT

TELLS_EXIT = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 15)


@pytest.fixture
def off(new_host):
    return new_host(debian=SYSVINIT)


@pytest.fixture
def known(off):
    return boots.known(off)


@pytest.mark.parametrize(
    ("command", "kind"),
    [(["reboot"], "reboot"), (["poweroff"], "poweroff"), (["telinit", "6"], "reboot")],
    ids=["reboot", "poweroff", "telinit 6"],
)
def test_a_shutdown_is_told_with_the_kind_that_the_run_level_says_and_the_boot_after_it(known, command, kind):
    ended = known.boot_id()
    known.run(*command, check=False)
    known.wait_until_off()
    shutdown = known.receiver.wait_for_event("HostShutdownEvent", timeout_seconds=1)
    assert shutdown["context"]["data"] == {"boot_id": ended, "kind": kind}
    known.boot()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]
    data = known.receiver.of_type("HostBootedEvent")[0]["context"]["data"]
    assert data["boot_id"] == known.boot_id()
    assert (data["previous_boot_id"], data["previous_shutdown"]) == (ended, "clean")


def test_a_shutdown_without_a_receiver_is_on_disk_before_init_kills_everybody(known):
    known.receiver.go_away()
    known.reboot()
    known.receiver.come_back()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]
    [shutdown] = known.receiver.of_type("HostShutdownEvent")
    assert shutdown["context"]["data"]["kind"] == "reboot"
    assert "noted_by" not in shutdown["context"]["data"]


def test_a_power_loss_is_a_crash(known):
    ended = known.boot_id()
    known.power_loss()
    known.boot()
    assert settled(known) == ["HostCrashedEvent", "HostBootedEvent"]
    [crashed] = known.receiver.of_type("HostCrashedEvent")
    assert crashed["context"]["data"]["boot_id"] == ended


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_an_agent_that_ended_before_a_clean_reboot_tells_no_crash(off, signal):
    off.write("/etc/inittab", off.read("/etc/inittab").replace("sa:2345:respawn", "sa:2345:once"))
    known = boots.known(off)
    known.run("pkill", f"--signal={signal}", "--full", "sts-agent run")
    known.run("pidwait", "--full", "sts-agent run", check=False)
    known.reboot()
    assert settled(known) == ["HostBootedEvent"]
    [booted] = known.receiver.of_type("HostBootedEvent")
    assert booted["context"]["data"]["previous_shutdown"] == "unknown"
    assert booted["context"]["data"]["shutdown_noted_by"] == "wtmp"


def test_a_daemon_is_told_when_it_starts_and_ends_and_not_at_a_reboot(off):
    # Whole, or the shells that start it and end it are meant as well.
    match = "{cmdline: '/bin/sh /opt/worker.sh'}"
    off.write("/etc/sts-agent/conf.d/worker.yaml", f"processes: [{{name: worker, match: {match}}}]\n")
    off.write(
        "/opt/worker.sh", "#!/bin/sh\nwhile [ ! -e /run/end ]; do sleep 0.05; done\nexit 3\n", mode=0o755
    )
    off.write("/etc/rc.local", "#!/bin/sh\n[ ! -e /etc/works ] || setsid /opt/worker.sh &\n", mode=0o755)
    off.boot()
    off.wait_until_watching("host", "processes")
    off.shell("touch /etc/works; start-stop-daemon --start --background --exec /opt/worker.sh")
    started = off.receiver.wait_for_event("ProcessStartedEvent", name="worker")
    off.reboot()
    off.wait_until_watching("host", "processes")
    off.shell("pgrep -f worker.sh; touch /run/end")
    stopped = off.receiver.wait_for_event("ProcessStoppedEvent", name="worker")
    if TELLS_EXIT:
        assert stopped["context"]["data"]["exit_code"] == 3
    off.catch_up()
    told = [e for e in off.receiver.events if e["source_type_name"] == "process"]
    assert told == [started, stopped]
