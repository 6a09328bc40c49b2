"""Packages by a real apt on a real host: each is told once, also what was done while nobody looked."""

import subprocess

import pytest
from harness.watcher import UNIT as WATCHER
from harness.watcher import watch

CHANGED = "VersionChangedEvent"


class Packages:
    """A host with the collector running, and packages of ours to install on it."""

    def __init__(self, host, directory):
        self.host = host
        self._directory = directory

    def deb(self, name, version, *, depends="", script=""):
        """Build a package and put it onto the host; return its path there."""
        tree = self._directory / f"{name}_{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN").chmod(0o755)
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@example.com>\n"
        )
        control += f"Depends: {depends}\n" if depends else ""
        (tree / "DEBIAN/control").write_text(control + "Description: made for a test\n")
        if script:
            (tree / "DEBIAN/postinst").write_text(f"#!/bin/sh\n{script}\n")
            (tree / "DEBIAN/postinst").chmod(0o755)
        target = self.host.path(f"/root/{name}_{version}.deb")
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, target],
            check=True,
            capture_output=True,
        )
        return f"/root/{name}_{version}.deb"

    def apt(self, *arguments):
        self.host.shell(
            f"DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 {' '.join(arguments)}"
        )

    def told(self, count):
        """Wait for so many events and return (package, action, old, new) of each."""
        events = self.host.receiver.wait_for(lambda events: len(events) >= count and list(events))
        data = [event["context"]["data"] for event in events]
        return [(d["package"], d["action"], d["old_version"], d["new_version"]) for d in data]


@pytest.fixture
def packages(host, tmp_path):
    watch(host, "packages", more="AmbientCapabilities=CAP_DAC_READ_SEARCH")
    host.boot()
    return Packages(host, tmp_path)


def test_what_apt_does_is_told_a_package_at_a_time(packages):
    lib, app = packages.deb("lib", "1.0"), packages.deb("app", "1.0-1", depends="lib")
    packages.apt("install", "-y", lib, app)
    assert sorted(packages.told(2)) == [
        ("app", "installed", None, "1.0-1"),
        ("lib", "installed", None, "1.0"),
    ]
    packages.apt("install", "-y", packages.deb("app", "1.0-2~bpo1", depends="lib"))
    assert packages.told(3)[2] == ("app", "upgraded", "1.0-1", "1.0-2~bpo1")
    packages.apt("install", "-y", "--allow-downgrades", "/root/app_1.0-1.deb")
    assert packages.told(4)[3] == ("app", "downgraded", "1.0-2~bpo1", "1.0-1")
    packages.apt("purge", "-y", "lib")
    assert sorted(packages.told(6)[4:]) == [
        ("app", "removed", "1.0-1", None),
        ("lib", "removed", "1.0", None),
    ]
    event = packages.host.receiver.events[0]
    assert event["context"]["category"] == "Deployments"
    assert event["context"]["data"]["manager"] == "dpkg"
    assert event["context"]["data"]["time_from"] == "dpkg.log"


def test_nothing_is_told_before_the_front_end_lets_go_of_its_lock(packages):
    waits = "until [ -e /root/go ]; do sleep 0.1; done"
    slow, quick = packages.deb("slow", "1", script=waits), packages.deb("quick", "1")
    with packages.host.running("apt-get", "-qq", "install", "-y", quick, slow) as apt:
        packages.host.shell(
            "until dpkg-query -W -f '${db:Status-Status}' quick | grep -qx installed; do sleep 0.1; done; sleep 2"
        )
        assert packages.host.receiver.events == []
        packages.host.shell("touch /root/go")
        apt.wait()
    assert sorted(packages.told(2)) == [("quick", "installed", None, "1"), ("slow", "installed", None, "1")]


def test_what_was_done_while_nobody_looked_is_told_at_the_start_and_once(packages):
    old, new, other = packages.deb("app", "1"), packages.deb("app", "2"), packages.deb("other", "1")
    packages.apt("install", "-y", old)
    packages.told(1)
    packages.host.shell(f"systemctl stop {WATCHER}")
    packages.apt("install", "-y", new)
    packages.apt("install", "-y", other)
    packages.host.shell(f"systemctl start {WATCHER}")
    assert sorted(packages.told(3)[1:]) == [("app", "upgraded", "1", "2"), ("other", "installed", None, "1")]
    assert all(
        event["context"]["data"].get("while_agent_down") for event in packages.host.receiver.events[1:]
    )
    packages.host.reboot()
    packages.apt("purge", "-y", "other")
    assert packages.told(4)[3:] == [("other", "removed", "1", None)]
