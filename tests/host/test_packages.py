"""Packages by a real apt on a real host: each is told once, also what was done while nobody looked."""

import subprocess

import pytest
from harness.spooled import chunks
from harness.watcher import UNIT as WATCHER
from harness.watcher import watch

pytestmark = pytest.mark.every_debian

CHANGED = "VersionChangedEvent"

STEP_BY_STEP = """\
import fcntl, os, subprocess, sys, time
with open("/var/lib/dpkg/lock-frontend", "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    for package in sys.argv[1:]:
        subprocess.run(["dpkg", "-i", package], check=True, env={**os.environ, "DPKG_FRONTEND_LOCKED": "1"})
        time.sleep(1.5)
"""
"""One upgrade in several runs of dpkg under the lock of a front end, as apt and unattended-upgrades do it."""


class Packages:
    """A host with the collector running, and packages of ours to install on it."""

    def __init__(self, host, directory):
        self.host = host
        self._directory = directory

    def deb(self, name, version, *, depends="", script="", architecture="all", conffile=""):
        """Build a package and put it onto the host; return its path there."""
        tree = self._directory / f"{name}_{version}_{architecture}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN").chmod(0o755)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
        control += "Multi-Arch: same\n" if architecture != "all" else ""
        control += "Maintainer: nobody <n@example.com>\n"
        control += f"Depends: {depends}\n" if depends else ""
        (tree / "DEBIAN/control").write_text(control + "Description: made for a test\n")
        if script:
            (tree / "DEBIAN/postinst").write_text(f"#!/bin/sh\n{script}\n")
            (tree / "DEBIAN/postinst").chmod(0o755)
        if conffile:
            (tree / conffile).parent.mkdir(parents=True)
            (tree / conffile).write_text(version)
            (tree / "DEBIAN/conffiles").write_text(f"/{conffile}\n")
        target = self.host.path(f"/root/{tree.name}.deb")
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, target],
            check=True,
            capture_output=True,
        )
        return f"/root/{tree.name}.deb"

    def apt(self, *arguments):
        self.host.shell(
            f"DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 {' '.join(arguments)}"
        )

    def told(self, count):
        """Wait for so many events and return (package, action, old, new) of each."""
        receiver = self.host.receiver
        receiver.wait_for(lambda _: len(receiver.of_type(CHANGED)) >= count)
        data = [event["context"]["data"] for event in receiver.of_type(CHANGED)]
        return [(d["package"], d["action"], d["old_version"], d["new_version"]) for d in data]

    def ends_silently(self):
        """Have one more package come; nothing may be told before it that was not told yet."""
        before = self.told(0)
        self.host.run("dpkg", "-i", self.deb("last", "1"))
        assert self.told(len(before) + 1) == [*before, ("last", "installed", None, "1")]


@pytest.fixture
def packages(host, tmp_path):
    watch(host, "packages", more="AmbientCapabilities=CAP_DAC_READ_SEARCH")
    host.boot()
    return Packages(host, tmp_path)


@pytest.fixture
def installed(host, tmp_path):
    """Boot a host with the agent as it is installed: unprivileged, in its sandbox, with a spool."""
    host.boot()
    host.wait_until_watching("packages")
    return Packages(host, tmp_path)


def test_what_apt_does_is_told_a_package_at_a_time(packages):
    lib, app = packages.deb("lib", "1.0"), packages.deb("app", "1.0-1", depends="lib")
    packages.apt("install", "-y", lib, app)
    assert sorted(packages.told(2)) == [
        ("app", "installed", None, "1.0-1"),
        ("lib", "installed", None, "1.0"),
    ]
    packages.host.shell("useradd alice")
    as_sudo_does = "SUDO_UID=$(id -u alice) apt-get -qq install -y"
    packages.host.shell("sleep 3")  # whole seconds tell one transaction of apt's history from the next
    packages.host.shell(f"{as_sudo_does} {packages.deb('app', '1.0-2~bpo1', depends='lib')}")
    assert packages.told(3)[2] == ("app", "upgraded", "1.0-1", "1.0-2~bpo1")
    packages.host.shell("sleep 3")
    packages.apt("install", "-y", "--allow-downgrades", "/root/app_1.0-1_all.deb")
    assert packages.told(4)[3] == ("app", "downgraded", "1.0-2~bpo1", "1.0-1")
    packages.apt("purge", "-y", "lib")
    assert sorted(packages.told(6)[4:]) == [
        ("app", "removed", "1.0-1", None),
        ("lib", "removed", "1.0", None),
    ]
    first, _, upgraded, *_ = (event["context"]["data"] for event in packages.host.receiver.of_type(CHANGED))
    assert (first["origin"], first["origin_how"]) == ("package", "package-log")
    assert first["origin_name"] == f"{first['package']} {first['new_version']}"
    assert (first["origin_program"], first.get("origin_login_user")) == ("apt-get", None)
    assert (upgraded["origin_name"], upgraded["origin_login_user"]) == ("app 1.0-2~bpo1", "alice")
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


def test_several_runs_of_dpkg_under_one_front_end_are_one_transaction(installed):
    debs = [installed.deb(name, "1") for name in ("a", "b", "c")]
    installed.host.run("python3", "-c", STEP_BY_STEP, *debs)
    assert installed.told(3) == [(name, "installed", None, "1") for name in ("a", "b", "c")]
    assert chunks(installed.host, "package") == [3]


def test_a_package_whose_configuration_stays_behind_is_removed_once_and_one_on_hold_is_as_it_was(installed):
    installed.apt("install", "-y", installed.deb("app", "1", conffile="etc/app.conf"))
    installed.told(1)
    installed.host.shell("apt-mark hold app; apt-mark unhold app; dpkg --remove app")
    assert installed.told(2)[1] == ("app", "removed", "1", None)
    assert "config-files" in installed.host.shell("dpkg-query -W -f '${Status}' app")
    installed.host.run("dpkg", "-i", "/root/app_1_all.deb")
    assert installed.told(3)[2] == ("app", "installed", None, "1")
    installed.host.run("dpkg", "--remove", "app")
    installed.told(4)
    installed.host.run("dpkg", "--purge", "app")
    installed.ends_silently()


def test_a_dpkg_that_is_killed_in_the_middle_is_told_once_and_its_completion_is_not(installed):
    host, hangs = installed.host, "[ -e /root/go ] || { touch /root/hangs; sleep 600; }"
    host.run("dpkg", "-i", installed.deb("app", "1"), installed.deb("other", "1"))
    installed.told(2)
    with host.running("dpkg", "-i", installed.deb("app", "2", script=hangs)):
        host.shell("until [ -e /root/hangs ]; do sleep 0.05; done; pkill -KILL -x dpkg; pkill -KILL -x sleep")
    assert installed.told(3)[2] == ("app", "upgraded", "1", "2")
    assert "half-configured" in host.shell("dpkg-query -W -f '${Status}' app")
    host.shell("touch /root/go; dpkg --configure -a")
    fails = installed.deb("other", "2", script="[ -e /root/mended ]")
    assert host.run("dpkg", "-i", fails, check=False).returncode != 0
    assert installed.told(4)[3] == ("other", "upgraded", "1", "2")
    host.shell("touch /root/mended; dpkg --configure -a")
    installed.ends_silently()


def test_a_library_of_two_architectures_is_two_packages(installed):
    host = installed.host
    native = host.run("dpkg", "--print-architecture").stdout.strip()
    foreign = "i386" if native != "i386" else "amd64"
    host.run("dpkg", "--add-architecture", foreign)
    for version, count in (("1", 2), ("2", 4)):
        host.run(
            "dpkg", "-i", *(installed.deb("lib", version, architecture=one) for one in (native, foreign))
        )
        installed.told(count)
    host.run("dpkg", "--purge", f"lib:{foreign}")
    installed.told(5)
    events = [event["context"]["data"] for event in host.receiver.of_type(CHANGED)]
    assert sorted((event["action"], event["architecture"]) for event in events) == sorted(
        [(action, one) for action in ("installed", "upgraded") for one in (native, foreign)]
        + [("removed", foreign)]
    )
    installed.ends_silently()
