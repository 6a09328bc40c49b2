"""Every collector at once under the unit as it is shipped, on each Debian: what it sees of the host arrives."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.every_debian

UNIT = "sts-agent.service"
REPORTS = "/var/cache/puppet/reports/edge-01"
REPORT = Path(__file__).parents[1] / "collectors/puppet/reports/changed.yaml"
CONF = """\
files:
  - paths: ['/etc/app/**']
processes:
  - {name: worker, match: {cmdline: "/bin/sh /opt/worker.sh"}}
puppet: {}
"""
WORKS = "[Service]\nExecStart=/bin/sleep infinity\n"
FAILS = "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"


@pytest.fixture
def host_as_shipped(host):
    """Give a host with the unit as shipped, something of every kind to watch, and two units of its own."""
    host.write("/etc/sts-agent/conf.d/all.yaml", CONF)
    host.write("/etc/app/app.conf", "port = 1\n")
    host.write("/opt/worker.sh", "#!/bin/sh\nwhile [ ! -e /run/end ]; do sleep 0.05; done\n", mode=0o755)
    host.write("/etc/systemd/system/works.service", WORKS)
    host.write("/etc/systemd/system/fails.service", FAILS)
    host.write(f"{REPORTS}/before.yaml", REPORT.read_text())
    return host


def install(host, scratch, version):
    tree = scratch / version / "DEBIAN"
    tree.mkdir(parents=True)
    tree.chmod(0o755)
    (tree / "control").write_text(
        f"Package: tool\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@example.com>\nDescription: x\n"
    )
    package = host.path(f"/root/tool_{version}.deb")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree.parent, package], check=True)
    host.run("dpkg", "-i", f"/root/tool_{version}.deb")


def data(event):
    return event["context"]["data"]


def test_every_collector_tells_under_the_shipped_unit_what_happens_on_the_host(host_as_shipped, tmp_path):
    host = host_as_shipped
    seen = host.receiver.wait_for_event
    host.boot()
    seen("HostBootedEvent")
    host.wait_until_watching("files", "packages", "services", "processes", "puppet")

    host.run("systemctl", "start", "works.service")
    seen("ServiceStartedEvent", unit="works.service")
    host.run("systemctl", "stop", "works.service")
    seen("ServiceStoppedEvent", unit="works.service")
    host.run("systemctl", "start", "fails.service", check=False)
    assert data(seen("ServiceFailedEvent", unit="fails.service"))["exit_code"] == 3

    host.write("/etc/app/app.conf", "port = 2\n")
    changed = data(seen("ConfigurationChangedEvent", path="/etc/app/app.conf"))
    assert "-port = 1\n+port = 2" in changed["diff"]

    install(host, tmp_path, "1.0")
    seen("VersionChangedEvent", package="tool", new_version="1.0")
    install(host, tmp_path, "1.1")
    assert data(seen("VersionChangedEvent", package="tool", new_version="1.1"))["old_version"] == "1.0"

    with host.running("/opt/worker.sh"):
        seen("ProcessStartedEvent", name="worker")
        host.write("/run/end", "")
        seen("ProcessStoppedEvent", name="worker")

    host.write(f"{REPORTS}/.new", REPORT.read_text().replace("transaction_uuid: ", "transaction_uuid: a"))
    host.run("mv", f"{REPORTS}/.new", f"{REPORTS}/202611260000.yaml")
    host.receiver.wait_for(lambda events: any(event["source_type_name"] == "puppet" for event in events))

    host.reboot()
    seen("HostShutdownEvent")
    host.receiver.wait_for(lambda events: sum(e["event_type"] == "HostBootedEvent" for e in events) == 2)
    assert host.property(UNIT, "NRestarts") == "0"
