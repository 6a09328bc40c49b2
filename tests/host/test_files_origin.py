"""Who changed a file: a package, a run of Puppet, the sessions open at that moment; and how each is known."""

import contextlib

import pytest
from harness.files import CHANGED, UNIT, Files
from harness.puppet import last_run

pytestmark = pytest.mark.every_debian

LATE = """\
files:
  - paths: ['/etc/app/**']
  - paths: ['/etc/late/**']
    settle: 4s
"""
MANIFEST = """\
file { ['/etc/app/a', '/etc/late/a']: ensure => file, content => "by puppet\\n" }
-> exec { '/bin/sh -c "until test -e /run/go; do sleep 0.1; done"': }
"""


@pytest.fixture
def files(host):
    files = Files(host)
    files.boot()
    return files


@pytest.fixture
def puppet(new_host):
    """Return a host with Puppet that has a run to make: it changes two files, and waits for /run/go."""
    files = Files(new_host(packages=("puppet-agent",)), LATE)
    files.host.path("/etc/late").mkdir()
    files.host.write("/root/site.pp", MANIFEST)
    files.boot()
    return files


def origin(data):
    return data["origin"], data.get("origin_how"), data.get("origin_name")


NOBODY = ("unknown", None, None)


def deb(version):
    """Return the commands that make and install one version of a package with a configuration file."""
    return f"""
        mkdir -p /root/{version}/DEBIAN /root/{version}/etc/app
        echo version {version} > /root/{version}/etc/app/pkg.conf
        echo /etc/app/pkg.conf > /root/{version}/DEBIAN/conffiles
        printf 'Package: pkg\\nVersion: {version}\\nArchitecture: all\\nMaintainer: n <n@example.com>\\n' \
            > /root/{version}/DEBIAN/control
        echo 'Description: made for a test' >> /root/{version}/DEBIAN/control
        printf '#!/bin/sh\\necho generated {version} > /etc/app/generated\\n' > /root/{version}/DEBIAN/postinst
        chmod 0755 /root/{version}/DEBIAN/postinst
        dpkg-deb -Znone --root-owner-group --build /root/{version} /root/pkg_{version}.deb >&2
        dpkg --install /root/pkg_{version}.deb >&2
    """


def test_a_file_that_a_package_brought_says_so_and_one_that_its_script_made_says_during(files):
    files.host.shell(deb(1))
    assert sorted(files.said()) == [("/etc/app/generated", "created"), ("/etc/app/pkg.conf", "created")]
    files.host.shell("sleep 3" + deb(2))
    changed = {data["path"]: data for data in files.data()[2:]}
    listed, generated = changed["/etc/app/pkg.conf"], changed["/etc/app/generated"]
    assert origin(listed) == ("package", "package-log", "pkg 2")
    assert origin(generated) == ("unknown", "package-log", "package pkg 2")


def test_a_file_that_a_person_changes_after_an_upgrade_was_not_changed_by_the_package(files):
    # Logs count whole seconds: what is closer cannot be told apart.
    files.host.shell(deb(1) + "sleep 3; echo by hand >> /etc/app/pkg.conf")
    changed = [data for data in files.data() if data["change"] == "modified"]
    assert [data["path"] for data in changed] == ["/etc/app/pkg.conf"]
    assert origin(changed[0]) == NOBODY


RPM_SPEC = """\
Name: app
Version: {version}
Release: 1
Summary: made for a test
License: none
BuildArch: noarch
%description
made for a test
%install
mkdir -p %{{buildroot}}/etc/app
echo version {version} > %{{buildroot}}/etc/app/rpm.conf
%files
/etc/app/rpm.conf
"""
UNHURRIED = (
    "files:\n  - paths: ['/etc/app/**']\n    settle: 1s\n"  # dnf logs a package when it is done with it
)
RPM_MACROS = "%_dbpath /usr/lib/sysimage/rpm\n%_rpmdir /root/rpms\n%_rpmfilename %{NVRA}.rpm\n"


@pytest.fixture
def dnf(new_host):
    """Return a host with dnf, and two versions of a package with a configuration file for it."""
    files = Files(new_host(packages=("rpm", "dnf")), UNHURRIED)
    files.host.write("/etc/rpm/macros", RPM_MACROS)
    files.host.path("/usr/lib/sysimage/rpm").mkdir(parents=True)
    for version in ("1", "2"):
        files.host.write(f"/root/{version}.spec", RPM_SPEC.format(version=version))
        files.host.prepare("rpmbuild", "--quiet", "-bb", f"/root/{version}.spec")
    files.boot()
    return files


def test_a_file_that_dnf_brought_names_the_package_that_rpm_says_it_belongs_to(dnf):
    for version, change in (("1", "created"), ("2", "modified")):
        dnf.host.shell(f"dnf -qy install /root/rpms/app-{version}-1.noarch.rpm")
        event = dnf.host.receiver.wait_for_event(CHANGED, path="/etc/app/rpm.conf", change=change)
        assert origin(event["context"]["data"]) == ("package", "package-log", f"app {version}-1")


def test_what_is_told_during_a_run_of_puppet_says_so_and_what_is_told_after_it_names_the_run(puppet):
    with puppet.host.running("puppet", "apply", "/root/site.pp") as run:
        early = puppet.host.receiver.wait_for_event(CHANGED, path="/etc/app/a")["context"]["data"]
        puppet.host.shell("echo by hand > /etc/late/b; touch /run/go")
        run.communicate(timeout=180)
        assert run.returncode == 0
    assert origin(early) == ("unknown", "report", "Puppet run")
    late = puppet.host.receiver.wait_for_event(CHANGED, path="/etc/late/a")["context"]["data"]
    by_hand = puppet.host.receiver.wait_for_event(CHANGED, path="/etc/late/b")["context"]["data"]
    this_run = late["origin_name"]
    assert this_run == last_run(puppet.host, "transaction_uuid")
    assert origin(late) == ("puppet", "report", this_run)
    assert origin(by_hand) == ("unknown", "report", f"Puppet run {this_run}")


def test_of_changes_found_after_a_downtime_each_names_the_run_that_made_it(puppet):
    puppet.host.run("systemctl", "stop", UNIT)
    runs = {}
    for name, reports in (("first", "store"), ("last", "none")):
        path = f"/etc/app/{name}"
        puppet.host.write("/root/site.pp", f"file {{ '{path}': ensure => file, content => 'x' }}\n")
        puppet.host.run("puppet", "apply", f"--reports={reports}", "/root/site.pp")
        runs[path] = ("puppet", "report", last_run(puppet.host, "transaction_uuid"))
    puppet.host.run("systemctl", "start", UNIT)
    puppet.wait_until_watching()
    assert {data["path"]: origin(data) for data in puppet.data()} == runs


@contextlib.contextmanager
def logged_in(host):
    """Have root logged in on a terminal, as getty does it; logged out in the end."""
    with host.running("script", "-qc", "exec login -f root", "/dev/null") as terminal:
        said = ""
        while not said.endswith("# "):  # login forgets what was typed before the shell asks
            said += terminal.stdout.read(1)
        yield
        terminal.stdin.write("exit\n")
        terminal.stdin.flush()
        assert terminal.wait(180) == 0
    host.shell("while loginctl --no-legend list-sessions | grep -q .; do sleep 0.1; done")


@pytest.mark.parametrize("has_utmp", [True, False])
def test_a_change_carries_the_sessions_open_at_that_moment_and_none_after_the_logout(files, has_utmp):
    if not has_utmp:
        files.host.path("/run/utmp").unlink(missing_ok=True)  # Debian 13 has none
    files.host.write("/etc/app/before", "x\n")
    assert files.said() == [("/etc/app/before", "created")]
    with logged_in(files.host):
        files.host.write("/etc/app/during", "x\n")
        files.host.receiver.wait_for_event(CHANGED, path="/etc/app/during")
    files.host.write("/etc/app/after", "x\n")
    before, during, after = files.data()
    assert origin(during) == ("unknown", "session", "root on pts/0")
    assert origin(before) == origin(after) == NOBODY
