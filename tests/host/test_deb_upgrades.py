"""The package on a host whose distribution is upgraded below it, and on Ubuntu. They download what they need."""

from pathlib import Path

import pytest
from harness import image, ubuntu
from harness.image import BARE_BOOKWORM, BARE_UBUNTU
from harness.packages import UNIT, VERSION, apt, bring, built

pytestmark = pytest.mark.long

KEEP = ("-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Options::=--force-confdef")


def go_online(host, suite):
    """Let the host's apt use this machine's mirrors, for another suite."""
    host.shell("rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")
    host.write("/etc/apt/sources.list", image.apt_sources(suite))
    host.write("/etc/apt/apt.conf.d/00machine", image.apt_options())
    host.shell("rm -f /etc/resolv.conf")
    host.write("/etc/resolv.conf", Path("/etc/resolv.conf").read_text())


def test_a_host_is_upgraded_from_debian_12_to_13_and_no_event_is_lost(new_host):
    host = new_host(debian=BARE_BOOKWORM, installed=False)
    host.boot()
    apt(host, "install", bring(host, built("deb", VERSION)))
    host.configure()
    host.reload()
    host.wait_until_watching("services", "packages")
    assert host.shell(f"readlink /proc/{host.property(UNIT, 'MainPID')}/exe") == "/usr/bin/python3.11\n"

    go_online(host, "trixie")
    apt(host, "update")
    send = "n=0; until [ -e /enough ]; do n=$((n + 1)); sts-agent event send CountEvent --title $n >/dev/null; echo $n $?; sleep 1; done"
    with host.running("sh", "-c", send) as sending:
        try:
            apt(host, *KEEP, "dist-upgrade", timeout_seconds=1500)
        finally:
            host.shell("touch /enough")
        sent = [line.split() for line in sending.communicate(timeout=60)[0].splitlines()]
    kept = [title for title, status in sent if status == "0"]
    assert len(kept) == len(sent)
    assert host.read("/etc/debian_version").startswith("13")
    host.receiver.wait_for_event("VersionChangedEvent", package="base-files", action="upgraded")
    host.catch_up()
    assert host.receiver.titles("CountEvent") == kept

    apt(host, "autoremove", "--purge")
    assert not host.path("/usr/bin/python3.11").exists()
    assert host.shell(f"readlink /proc/{host.property(UNIT, 'MainPID')}/exe") == "/usr/bin/python3.13\n"
    assert host.shell("find /opt/sts-agent/lib/agent -name 'compare.cpython-313.pyc'") != ""
    host.reboot()
    host.receiver.wait_for_event("HostBootedEvent", previous_shutdown="clean")
    assert not host.receiver.of_type("HostCrashedEvent")
    assert host.property(UNIT, "ActiveState") == "active"
    apt(host, "purge", "sts-agent")
    assert not host.path("/opt/sts-agent").exists()


def test_the_same_package_runs_on_ubuntu(new_host):
    host = new_host(debian=BARE_UBUNTU._replace(sources=ubuntu.sources()), installed=False)
    host.boot()
    apt(host, "install", bring(host, built("deb", VERSION)))
    host.configure()
    host.reload()
    host.wait_until_watching("services", "packages")
    assert host.shell(f"readlink /proc/{host.property(UNIT, 'MainPID')}/exe") == "/usr/bin/python3.12\n"
    host.shell("systemctl restart nginx")
    host.receiver.wait_for_event("ServiceStartedEvent", unit="nginx.service")
    host.reboot()
    host.receiver.wait_for_event("HostBootedEvent", previous_shutdown="clean")
    apt(host, "purge", "sts-agent")
    assert not host.path("/opt/sts-agent").exists()
