"""The package of rpm, installed, upgraded and removed by dnf on a host whose packages are rpm's."""

import pytest
from harness.packages import NEXT_VERSION, UNIT, VERSION, bring, built, left_on

DATABASE = "/usr/lib/sysimage/rpm"
OF_THE_SYSTEM = """\
Name: {name}
Version: {version}
Release: 1
Summary: what this host has from elsewhere
License: none
BuildArch: noarch
{provides}
%description
what this host has from elsewhere
%files
"""


@pytest.fixture
def rpm_host(new_host):
    """Boot a host whose rpm knows of the Python 3.11 and the systemd that it has; the agent is not installed."""
    host = new_host(packages=("rpm", "dnf"), installed=False)
    host.write("/etc/rpm/macros", f"%_dbpath {DATABASE}\n%_rpmdir /root/rpms\n%_rpmfilename %{{NVRA}}.rpm\n")
    host.path(DATABASE).mkdir(parents=True)
    for name, version, provides in (
        ("python3.11", "3.11.2", "Provides: /bin/sh"),
        ("systemd", "252", ""),
        ("ca-certificates", "1", ""),
    ):
        host.write(f"/root/{name}.spec", OF_THE_SYSTEM.format(name=name, version=version, provides=provides))
        host.prepare("rpmbuild", "--quiet", "-bb", f"/root/{name}.spec")
    host.prepare("sh", "-c", "rpm -i /root/rpms/*.rpm")
    host.boot()
    return host


def dnf(host, *words):
    return host.run("dnf", "-qy", *words, timeout_seconds=300).stdout


@pytest.mark.long
def test_dnf_installs_upgrades_and_removes_it_and_no_event_is_lost(rpm_host):
    host = rpm_host
    before = left_on(host)
    host.write("/etc/sts-agent/stackstate.conf", "")
    package = bring(host, built("rpm", VERSION))
    refused = host.run("rpm", "-i", package, check=False)
    assert refused.returncode != 0
    assert "the StackState Agent V1 is installed here" in refused.stderr
    assert not host.path("/opt/sts-agent").exists()
    host.shell("rm -r /etc/sts-agent")

    dnf(host, "install", package)
    assert host.property(UNIT, "ActiveState") == "active"
    assert host.property(UNIT, "UnitFileState") == "enabled"
    assert host.shell("rpm -V sts-agent") == ""
    host.configure()
    host.reload()
    host.wait_until_watching("services", "packages")
    host.run("sts-agent", "event", "send", "KeptEvent", "--title", "before")
    dnf(host, "install", bring(host, built("rpm", NEXT_VERSION)))
    host.receiver.wait_for_event("AgentStartedEvent", version=NEXT_VERSION)
    host.receiver.wait_for_event("VersionChangedEvent", package="sts-agent", action="upgraded", manager="rpm")
    host.catch_up()
    assert len(host.receiver.of_type("KeptEvent")) == 1
    assert host.shell("find /opt/sts-agent/lib/agent -maxdepth 1 -name __pycache__") != ""
    assert "api_key_file" in host.read("/etc/sts-agent/agent.yaml")

    dnf(host, "remove", "sts-agent")
    assert host.path("/var/lib/sts-agent/spool.db").exists()
    assert host.path("/etc/sts-agent/agent.yaml").exists()
    host.shell("rm -rf /var/lib/sts-agent /etc/sts-agent")
    assert left_on(host) == before
