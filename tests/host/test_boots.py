"""Boots, shutdowns and crashes of real hosts, each told once."""

import re
import time
from pathlib import Path

import pytest
from harness import boots
from harness.boots import settled
from harness.host import install_command, what_installing_needs
from harness.image import BOOKWORM
from harness.memory import short_of_memory, was_killed

pytestmark = pytest.mark.every_debian

PYTHON = "/opt/sts-agent/bin/python"
DROP_INS = "/etc/systemd/system/sts-agent.service.d"
SHOWS_AN_OLD_KERNEL = """\
[Service]
ExecStart=
ExecStart=/usr/bin/setarch --uname-2.6 /opt/sts-agent/bin/sts-agent run
LockPersonality=no
SystemCallFilter=personality
"""
UNCOVER = "uncover-boot-id.service"
UNCOVERS_BOOT_ID = """\
[Unit]
DefaultDependencies=no
Before=systemd-journald.service sysinit.target
[Service]
Type=oneshot
ExecStart=umount /proc/sys/kernel/random/boot_id
"""
"""Leaves what LXC shows: systemd-nspawn mounts a boot id of the container's own over that of the machine below."""


@pytest.fixture
def known(host):
    return boots.known(host)


def test_the_boot_in_which_the_agent_is_installed_is_no_news(new_host, debian):
    host = new_host(installed=False)
    host.boot(show=what_installing_needs(debian))
    host.run("systemctl", "is-system-running", "--wait", check=False)
    host.run(*install_command("--no-start"), timeout_seconds=180)
    host.configure()
    host.run("systemctl", "restart", "sts-agent")
    assert settled(host) == []
    host.reboot()
    assert settled(host) == ["HostShutdownEvent", "HostBootedEvent"]


def test_the_first_boot_of_an_image_with_the_agent_in_it_is_told_once(host):
    host.boot()
    assert settled(host) == ["HostBootedEvent"]
    data = host.receiver.of_type("HostBootedEvent")[0]["context"]["data"]
    assert (data["boot_id"], data["previous_shutdown"]) == (host.boot_id(), "unknown")
    host.run("systemctl", "restart", "sts-agent")
    assert settled(host) == ["HostBootedEvent"]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (["systemctl", "reboot"], "reboot"),
        (["systemctl", "poweroff"], "poweroff"),
        (["systemctl", "halt"], "halt"),
        (["systemctl", "start", "kexec.target"], "kexec"),
    ],
)
def test_a_shutdown_is_told_with_its_kind_before_the_host_is_gone_and_the_boot_after_it(known, command, kind):
    ended = known.boot_id()
    began = int(time.time())
    known.run(*command, check=False)
    known.wait_until_off()
    shutdown = known.receiver.wait_for_event("HostShutdownEvent", timeout_seconds=30)
    assert shutdown["context"]["data"] == {"boot_id": ended, "kind": kind}
    assert shutdown["timestamp"] >= began
    known.boot()
    booted = known.receiver.wait_for_event("HostBootedEvent", boot_id=known.boot_id())
    data = booted["context"]["data"]
    assert data["previous_boot_id"] == ended
    assert data["previous_shutdown"] == "clean"
    assert data["kernel"] == known.run("uname", "-r").stdout.strip()
    assert 0 <= data["downtime_seconds"] <= time.time() - began
    assert shutdown["timestamp"] <= booted["timestamp"] <= int(time.time())
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]
    assert known.receiver.problems == []


STAMPS_A_HEARTBEAT = """
import msgspec, sqlite3
from pathlib import Path
from collectors._host.clock import read_instant
from collectors._host.heartbeat import decode, stamp_of
from spool import Stamp
spool = Path("/var/lib/sts-agent")
reader = sqlite3.connect(f"file:{spool}/spool.db?mode=ro", uri=True)
[mark] = reader.execute("SELECT value FROM memory WHERE owner = 'host' AND key = x'6d61726b'").fetchone()
now = msgspec.structs.replace(read_instant(), wall=decode(mark).at.wall + 1000)
Stamp(spool, "host").write(stamp_of(mark, now, decode(mark).accounting))
print(int(now.wall))
"""


def test_a_power_loss_is_a_crash_told_at_the_next_boot(known):
    ended = known.boot_id()
    seen = int(known.run("runuser", "-u", "sts-agent", "--", PYTHON, "-c", STAMPS_A_HEARTBEAT).stdout)
    known.power_loss()
    known.boot()
    crashed = known.receiver.wait_for_event("HostCrashedEvent")
    assert crashed["context"]["data"]["boot_id"] == ended
    assert crashed["context"]["category"] == "Alerts"
    assert crashed["timestamp"] == crashed["context"]["data"]["last_seen"] == seen
    booted = known.receiver.wait_for_event("HostBootedEvent")
    assert booted["context"]["data"]["previous_shutdown"] == "unclean"
    assert settled(known) == ["HostCrashedEvent", "HostBootedEvent"]


def test_reboot_by_force_bypasses_everybody_and_the_next_boot_tells(known):
    known.run("systemctl", "reboot", "--force", "--force", check=False)
    known.wait_until_off()
    known.boot()
    assert settled(known) == ["HostCrashedEvent", "HostBootedEvent"]


@pytest.mark.parametrize(
    "end",
    [
        "systemctl stop sts-agent",
        "systemctl kill --signal=KILL sts-agent; systemctl stop sts-agent",
        "systemctl disable --now sts-agent",
    ],
)
def test_an_agent_that_ended_before_a_clean_reboot_tells_no_crash(known, debian, end):
    known.shell(end)
    known.reboot()
    known.run("systemctl", "start", "sts-agent")
    assert settled(known) == ["HostBootedEvent"]
    [booted] = known.receiver.of_type("HostBootedEvent")
    assert booted["context"]["data"]["previous_shutdown"] == "unknown"
    assert booted["context"]["data"]["shutdown_noted_by"] == ("wtmp" if debian is BOOKWORM else "journal")


def test_an_agent_that_is_killed_again_and_again_tells_nothing_of_the_host(known):
    for _ in range(3):
        known.shell("systemctl kill --signal=KILL sts-agent; systemctl restart sts-agent")
    assert settled(known) == []


def test_an_agent_that_the_kernel_kills_for_want_of_memory_tells_no_crash(host):
    host.write(f"{DROP_INS}/quick.conf", "[Service]\nRestartSec=100ms\n")
    known = boots.known(host)
    pid = known.property("sts-agent", "MainPID")
    with short_of_memory(known, "sts-agent.service"):
        for number in range(50):
            known.agent("event", "send", "E", f"--title={number}", "--text", "x" * 100_000, check=False)
            if known.property("sts-agent", "MainPID") != pid:
                break
        assert was_killed(known, "sts-agent.service")
    known.receiver.wait_for(lambda events: [e["event_type"] for e in events].count("AgentStartedEvent") == 2)
    assert settled(known) == []
    known.reboot()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]


@pytest.mark.long
def test_an_upgrade_of_the_running_agent_and_a_reboot_tell_no_crash(host, debian):
    boots.known(host, show=what_installing_needs(debian))
    host.run(*install_command(), timeout_seconds=180)
    assert settled(host) == []
    host.run(
        *install_command("--no-start"), timeout_seconds=180
    )  # the old one runs on, and its files are gone
    host.reboot()
    assert settled(host) == ["HostShutdownEvent", "HostBootedEvent"]


def test_a_host_offline_across_reboots_tells_them_all_in_order(known):
    known.receiver.go_away()
    known.reboot()
    known.wait_in_log("HostBootedEvent", 2)  # no boot is known that ended before the agent saw it
    known.power_loss()
    known.boot()
    known.wait_in_log("HostBootedEvent", 3)
    known.reboot()
    known.receiver.come_back()
    told = ["HostShutdownEvent", "HostBootedEvent", "HostCrashedEvent", "HostBootedEvent"]
    assert settled(known) == [*told, "HostShutdownEvent", "HostBootedEvent"]
    identifiers = [event["context"]["source_identifier"] for event in known.receiver.events]
    assert len(set(identifiers)) == len(identifiers)


def test_without_d_bus_a_shutdown_is_told_at_the_next_boot(known):
    known.shell("systemctl mask --now dbus.socket dbus.service")
    known.receiver.go_away()
    known.run("systemctl", "restart", "sts-agent")
    known.run("kill", "-s", "RTMIN+5", "1")  # systemd reboots on it, with nobody to ask
    known.wait_until_off()
    known.boot()
    known.receiver.come_back()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]
    [shutdown] = known.receiver.of_type("HostShutdownEvent")
    assert shutdown["context"]["data"]["kind"] == "reboot"
    assert shutdown["context"]["data"]["noted_by"] in {"wtmp", "journal"}


def test_without_logind_being_stopped_is_the_warning(known):
    known.shell("systemctl mask --now systemd-logind.service; systemctl restart sts-agent")
    known.reboot()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]
    [shutdown] = known.receiver.of_type("HostShutdownEvent")
    assert shutdown["context"]["data"]["kind"] == "reboot"


@pytest.mark.parametrize("packages", [(), ("polkitd",)], ids=["without polkit", "with polkit"])
def test_a_shutdown_is_never_held_up_where_the_receiver_is_away(new_host, debian, packages):
    host = boots.known(new_host(packages=packages))
    inhibitors = host.run("systemd-inhibit", "--list", "--no-pager").stdout
    assert ("sts-agent" in inhibitors) == ("polkitd" in (*debian.packages, *packages))
    host.receiver.go_away()
    began = time.monotonic()
    host.run("systemctl", "reboot", check=False)
    host.wait_until_off()
    assert time.monotonic() - began < 15  # 5 s are ours at most, and so long would a stuck stop alone take
    host.boot()
    host.receiver.come_back()
    assert settled(host) == ["HostShutdownEvent", "HostBootedEvent"]
    [shutdown] = host.receiver.of_type("HostShutdownEvent")
    assert shutdown["context"]["data"]["kind"] == "reboot"


def test_another_release_of_the_system_is_told_as_a_deployment(known):
    release = re.sub("(?m)^PRETTY_NAME=.*$", 'PRETTY_NAME="Debian 14"', known.read("/usr/lib/os-release"))
    known.poweroff()
    known.write("/usr/lib/os-release", release)
    known.boot()
    changed = known.receiver.wait_for_event("VersionChangedEvent", package="os-release")
    assert changed["context"]["data"]["new_version"] == "Debian 14"
    assert changed["source_type_name"] == "package"


def test_another_kernel_is_told_as_a_deployment_and_with_the_boot(known):
    newer = known.run("uname", "-r").stdout.strip()
    older = known.run("setarch", "--uname-2.6", "uname", "-r").stdout.strip()
    known.poweroff()
    known.write(f"{DROP_INS}/old-kernel.conf", SHOWS_AN_OLD_KERNEL)
    known.boot()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]
    known.poweroff()
    known.path(f"{DROP_INS}/old-kernel.conf").unlink()
    known.boot()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"] * 2
    turns = [(newer, older, "downgraded"), (older, newer, "upgraded")]
    changes = known.receiver.of_type("VersionChangedEvent")
    for (old, new, action), booted, changed in zip(
        turns, known.receiver.of_type("HostBootedEvent"), changes, strict=True
    ):
        data = booted["context"]["data"]
        assert (data["previous_kernel"], data["kernel"]) == (old, new)
        assert changed["source_type_name"] == "package"
        assert changed["context"]["data"] == {
            "package": "kernel",
            "old_version": old,
            "new_version": new,
            "action": action,
            "manager": "host",
            "boot_id": data["boot_id"],
        }


def test_in_a_container_with_the_boot_id_of_its_host_each_boot_is_told_once(host):
    host.write(f"/etc/systemd/system/{UNCOVER}", UNCOVERS_BOOT_ID)
    wants = host.path("/etc/systemd/system/sysinit.target.wants")
    wants.mkdir(exist_ok=True)
    (wants / UNCOVER).symlink_to(f"../{UNCOVER}")
    known = boots.known(host)
    assert known.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    known.run("systemctl", "restart", "sts-agent")
    known.reboot()
    assert settled(known) == ["HostShutdownEvent", "HostBootedEvent"]
    known.power_loss()
    known.boot()
    assert settled(known)[2:] == ["HostCrashedEvent", "HostBootedEvent"]
    known.shell("systemctl kill --signal=KILL sts-agent; systemctl stop sts-agent; rm /var/log/wtmp")
    known.reboot()
    assert settled(known)[4:] == ["HostBootedEvent"]
    assert {e["context"]["data"]["boot_id"] for e in known.receiver.of_type("HostBootedEvent")} == {
        known.boot_id()
    }
    identifiers = [event["context"]["source_identifier"] for event in known.receiver.events]
    assert len(set(identifiers)) == len(identifiers)


def test_a_container_without_an_init_has_no_boots(host):
    script = (
        "from collectors.host import Host\n"
        "from collectors.collector import NotApplicable\n"
        "try:\n Host().run(None)\n"
        "except NotApplicable as quiet:\n print(quiet.problem)\n"
    )
    done = host.run_without_init("/opt/sts-agent/bin/python", "-c", script)
    assert done.stdout == "a container without an init of its own has no boots\n"
