"""Packages by a real rpm and dnf, seen by the installed service: unprivileged, in its sandbox, beside dpkg."""

import pytest
from harness.spooled import chunks

CHANGED = "VersionChangedEvent"
DATABASE = "/usr/lib/sysimage/rpm"

SPEC = """\
Name: {name}
Version: {version}
Release: 1
Summary: made for a test
License: none
{more}
%description
made for a test
%files
"""


class Rpms:
    """A host whose packages are rpm's as well as dpkg's; `told` is what is told of them."""

    def __init__(self, host):
        self.host = host

    def build(self, name, version, more="BuildArch: noarch"):
        """Build a package on the host, on or off; `more` are lines of its spec."""
        self.host.write(f"/root/{name}-{version}.spec", SPEC.format(name=name, version=version, more=more))
        run = self.host.run if self.host.is_running else self.host.prepare
        run("rpmbuild", "--quiet", "-bb", f"/root/{name}-{version}.spec")
        return f"/root/rpms/{name}-{version}-1.*.rpm"

    def told(self, count):
        """Wait for so many events and return (package, action, old, new) of each."""
        self.host.receiver.wait_for(lambda _: len(self.host.receiver.of_type(CHANGED)) >= count)
        data = [event["context"]["data"] for event in self.host.receiver.of_type(CHANGED)]
        return [(d["package"], d["action"], d["old_version"], d["new_version"]) for d in data]

    def ends_silently(self):
        """Have one more package come, and return what was told before it."""
        count = len(self.host.receiver.of_type(CHANGED))
        self.host.shell(f"rpm -i {self.build('last', '1')}")
        self.host.receiver.wait_for_event(CHANGED, package="last", action="installed")
        assert len(self.host.receiver.of_type(CHANGED)) == count + 1


@pytest.fixture
def rpms(new_host):
    """Boot a host on which rpm keeps its database where Fedora, RHEL 10 and SUSE do, with one package in it."""
    host = new_host(packages=("rpm", "dnf"))
    host.write("/etc/rpm/macros", f"%_dbpath {DATABASE}\n%_rpmdir /root/rpms\n%_rpmfilename %{{NVRA}}.rpm\n")
    host.path(DATABASE).mkdir(parents=True)
    rpms = Rpms(host)
    rpms.build("base", "1", "BuildArch: noarch\nProvides: /bin/sh")
    host.prepare("sh", "-c", "rpm -i /root/rpms/base-*")
    host.boot()
    host.wait_until_watching("packages")
    return rpms


def test_each_transaction_of_rpm_and_dnf_is_one_chunk_with_an_event_a_package_beside_those_of_dpkg(rpms):
    host = rpms.host
    status = host.agent("status", "--json").stdout
    assert "packages of dpkg and 1 packages of rpm" in status
    lib, app = rpms.build("lib", "1", ""), rpms.build("app", "1.0", "BuildArch: noarch\nRequires: lib")
    host.shell(f"dnf -qy install {app} {lib}")
    assert sorted(rpms.told(2)) == [("app", "installed", None, "1.0-1"), ("lib", "installed", None, "1-1")]
    newer = rpms.build("app", "1.0^git1", "BuildArch: noarch\nRequires: lib\nEpoch: 2")
    host.shell(f"rpm -U {newer}")
    assert rpms.told(3)[2:] == [("app", "upgraded", "1.0-1", "2:1.0^git1-1")]
    host.shell(f"rpm -U --oldpackage {app}")
    assert rpms.told(4)[3:] == [("app", "downgraded", "2:1.0^git1-1", "1.0-1")]
    host.shell(f"rpm -U --replacepkgs {app}; dnf -qy remove lib")
    assert sorted(rpms.told(6)[4:]) == [("app", "removed", "1.0-1", None), ("lib", "removed", "1-1", None)]
    assert chunks(host, "package") == [2, 1, 1, 2]
    events = host.receiver.of_type(CHANGED)
    by_package = {event["context"]["data"]["package"]: event["context"] for event in events[:2]}
    machine = host.run("uname", "-m").stdout.strip()
    assert by_package["lib"]["data"]["architecture"] == machine
    assert by_package["app"]["data"] == {
        "package": "app",
        "old_version": None,
        "new_version": "1.0-1",
        "action": "installed",
        "manager": "rpm",
        "architecture": "noarch",
        "time_from": "rpm database",
        "origin": "package",
        "origin_how": "package-log",
        "origin_name": "app 1.0-1",
    }
    host.shell("dpkg --purge vim-tiny")
    assert rpms.told(7)[6][:2] == ("vim-tiny", "removed")
    assert host.receiver.of_type(CHANGED)[6]["context"]["data"]["manager"] == "dpkg"


def test_versions_side_by_side_as_of_kernels_come_and_go_one_by_one(rpms):
    for number, version in enumerate(("6.1", "6.2", "6.3"), start=1):
        rpms.host.shell(f"rpm -i {rpms.build('kernel', version)}")
        assert rpms.told(number)[-1] == ("kernel", "installed", None, f"{version}-1")
    rpms.host.shell("rpm -e kernel-6.1-1 kernel-6.2-1")
    assert sorted(rpms.told(5)[3:]) == [
        ("kernel", "removed", "6.1-1", None),
        ("kernel", "removed", "6.2-1", None),
    ]
    rpms.ends_silently()


def test_nothing_is_told_before_the_transaction_lets_go_of_its_lock(rpms):
    waits = "%post\nuntil [ -e /root/go ]; do sleep 0.1; done"
    quick, slow = (
        rpms.build("quick", "1"),
        rpms.build("slow", "1", f"BuildArch: noarch\nRequires: quick\n{waits}"),
    )
    with rpms.host.running("sh", "-c", f"rpm -i {slow} {quick}") as rpm:
        rpms.host.shell("until rpm -q quick >/dev/null; do sleep 0.1; done; sleep 2")
        assert rpms.host.receiver.of_type(CHANGED) == []
        rpms.host.shell("touch /root/go")
        rpm.wait()
    assert sorted(rpms.told(2)) == [("quick", "installed", None, "1-1"), ("slow", "installed", None, "1-1")]
    assert chunks(rpms.host, "package") == [2]


def test_what_was_done_while_the_agent_was_down_is_told_at_its_start_and_once(rpms):
    host = rpms.host
    for version in ("1", "2"):
        rpms.build("app", version)
    host.shell("rpm -i /root/rpms/app-1-*")
    rpms.told(1)
    host.shell("systemctl stop sts-agent; rpm -U /root/rpms/app-2-*")
    host.shell(f"rpm -i {rpms.build('other', '1')}; systemctl start sts-agent")
    assert sorted(rpms.told(3)[1:]) == [
        ("app", "upgraded", "1-1", "2-1"),
        ("other", "installed", None, "1-1"),
    ]
    assert all(event["context"]["data"]["while_agent_down"] for event in host.receiver.of_type(CHANGED)[1:])
    host.reboot()
    host.wait_until_watching("packages")
    rpms.ends_silently()


def test_a_database_that_is_damaged_gone_or_rebuilt_removes_no_package(rpms):
    host = rpms.host
    host.shell(f"rpm -i {rpms.build('app', '1')}")
    rpms.told(1)
    host.shell(f"cp -a {DATABASE} /root/kept")
    for harm in (
        f"sqlite3 {DATABASE}/rpmdb.sqlite \"UPDATE Packages SET blob = x'00' WHERE hnum = 2\"",
        f"dd if=/dev/zero of={DATABASE}/rpmdb.sqlite bs=4096 count=1 conv=notrunc status=none",
        f"rm {DATABASE}/rpmdb*; rpm --initdb",
        f"rm {DATABASE}/rpmdb*",
    ):
        host.shell(harm)
        host.shell("until sts-agent status --json | grep -q 'packages of dpkg; rpm: '; do sleep 0.1; done")
        host.shell(f"rm -f {DATABASE}/*; cp -a /root/kept/* {DATABASE}")
        host.wait_until_watching("packages")
        host.shell("until sts-agent status --json | grep -q '2 packages of rpm'; do sleep 0.1; done")
    # SQLite reads nothing without these files, and our unprivileged user cannot make them.
    host.shell(f"rm {DATABASE}/rpmdb.sqlite-*")
    host.shell("until sts-agent status --json | grep -q 'rpm: .* a query by root'; do sleep 0.1; done")
    host.shell("rpm -q app; until sts-agent status --json | grep -q '2 packages of rpm'; do sleep 0.1; done")
    host.shell("rpm --rebuilddb")
    rpms.ends_silently()
