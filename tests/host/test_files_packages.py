"""A package transaction below a watched /etc: one event for each configuration file, with its package, and no other."""

import pytest
from harness.files import Files

pytestmark = pytest.mark.every_debian

ETC = "files:\n  - paths: ['/etc/**']\n"
CONFFILES = [f"/etc/noisy/{number:02}.conf" for number in range(16)]
USERS = ["/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow"]
BUILD = r"""
    version=$1
    mkdir -p /root/$version/DEBIAN /root/$version/etc/noisy
    for number in $(seq -w 0 15); do
        echo "$version of $number" > /root/$version/etc/noisy/$number.conf
        echo /etc/noisy/$number.conf >> /root/$version/DEBIAN/conffiles
    done
    printf 'Package: noisy\nVersion: %s\nArchitecture: all\nMaintainer: n <n@example.com>\nDescription: for a test\n' \
        $version > /root/$version/DEBIAN/control
    printf '#!/bin/sh\nset -e\nid noisy >/dev/null 2>&1 || useradd --system noisy\nldconfig\n' \
        > /root/$version/DEBIAN/postinst
    chmod 0755 /root/$version/DEBIAN/postinst
    dpkg-deb -Znone --root-owner-group --build /root/$version /root/noisy_$version.deb
"""
APT = "DEBIAN_FRONTEND=noninteractive apt-get -qy -o Dpkg::Options::=--force-confold "


@pytest.fixture
def files(host):
    files = Files(host, ETC)
    host.write("/root/build", BUILD)
    for version in ("1", "2"):
        host.prepare("sh", "-eu", "/root/build", version)
    files.boot()
    return files


def after(files, script):
    """Run a script; return the data of what was told of it."""
    before = len(files.data())
    files.host.shell(script)
    return files.data()[before:]


def said(told):
    return sorted((data["path"], data["change"]) for data in told)


def whose(told, path):
    """Return the origin of each path, and of what; of those that are unknown, what was at work."""
    return [(data["origin"], data["origin_name"]) for data in told if data["path"].startswith(path)]


def test_install_upgrade_and_purge_are_one_event_a_configuration_file_with_the_package(files):
    installed = after(files, APT + "install /root/noisy_1.deb")
    assert said(installed) == sorted(
        [(path, "created") for path in CONFFILES] + [(path, "modified") for path in USERS]
    )
    assert whose(installed, "/etc/noisy/") == 16 * [("package", "noisy 1")]
    assert ("unknown", "package noisy 1") in whose(installed, "/etc/"), "what its scripts made"

    edited = after(files, "sleep 3; echo by hand >> /etc/noisy/03.conf; sleep 3")
    assert said(edited) == [("/etc/noisy/03.conf", "modified")]

    upgraded = after(files, APT + "install /root/noisy_2.deb; test -e /etc/noisy/03.conf.dpkg-dist")
    assert said(upgraded) == [(path, "modified") for path in CONFFILES if "03" not in path]
    assert whose(upgraded, "/etc/noisy/") == 15 * [("package", "noisy 2")]

    purged = after(files, APT + "purge noisy")
    assert said(purged) == [(path, "deleted") for path in CONFFILES]
    assert {*whose(purged, "/etc/")} <= {("package", "noisy 2"), ("unknown", "package noisy 2")}


def test_users_that_come_and_go_editors_and_the_linker_leave_one_event_a_file(files):
    told = after(
        files,
        """
        useradd --create-home visitor
        sleep 1
        userdel visitor
        ldconfig
        echo swap > /etc/.fstab.swp
        cp /etc/fstab /etc/fstab~
        (flock 9; sleep 0.5) 9> /etc/app.lock
        """,
    )
    paths = {data["path"] for data in told}
    assert paths <= {*USERS, "/etc/subuid", "/etc/subgid"}
    assert {"/etc/passwd", "/etc/subuid"} <= paths


def test_a_package_that_waits_unpacked_for_others_is_one_event_a_file_as_soon_as_it_is_configured(files):
    told = after(files, "dpkg --unpack /root/noisy_1.deb; sleep 1; ls /etc/noisy/*.dpkg-new")
    assert told == []
    told = after(files, "dpkg --configure noisy")
    assert said(told) == sorted(
        [(path, "created") for path in CONFFILES] + [(path, "modified") for path in USERS]
    )
    assert whose(told, "/etc/noisy/") == 16 * [("package", "noisy 1")]
