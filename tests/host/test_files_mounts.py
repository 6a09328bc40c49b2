"""File systems that come and go, hang, or change without a signal: told late at worst, never as deleted."""

from pathlib import Path

import pytest
from harness.files import CHANGED, UNIT, Files, sha256
from harness.watcher import UNIT as WATCHER
from harness.watcher import watch

pytestmark = pytest.mark.every_debian

DEGRADED = "WatchDegradedEvent"
CONF = "files:\n  - paths: ['/etc/app/**', '/mnt/far/**']\n"
MOUNT = f"""\
[Unit]
Before={UNIT} {WATCHER}
[Service]
Type=forking
ExecStart=/usr/bin/bindfs /srv/far /mnt/far
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture
def host(new_host):
    """Return a host that mounts /srv/far at /mnt/far by FUSE, so that what changes there changes without a signal."""
    if not Path("/dev/fuse").exists():
        pytest.skip(
            "the kernel of this machine has no FUSE (no /dev/fuse), and nothing that could be installed gives it"
        )
    host = new_host(packages=("bindfs",))
    host.write("/srv/far/a", "old\n")
    host.path("/mnt/far").mkdir()
    host.write("/etc/systemd/system/far.service", MOUNT)
    wants = host.path("/etc/systemd/system/multi-user.target.wants/far.service")
    wants.symlink_to("/etc/systemd/system/far.service")
    return host


@pytest.fixture
def files(host):
    files = Files(host, CONF)
    files.boot(options=("--bind=/dev/fuse",))
    return files


def test_a_fuse_mount_is_polled_besides_being_watched_and_that_is_told_once(files):
    data = files.host.receiver.wait_for_event(DEGRADED)["context"]["data"]
    assert data["path"] == "/mnt/far"
    assert data["poll_seconds"] == 60
    assert "changes made elsewhere give no signal on fuse" in data["reason"]
    files.host.shell("echo new > /mnt/far/a")
    # Well before the poll.
    files.host.receiver.wait_for_event(CHANGED, 45, path="/mnt/far/a", change="modified")
    files.host.run("systemctl", "restart", UNIT)
    files.wait_until_watching()
    assert files.said() == [("/mnt/far/a", "modified")]
    assert len(files.host.receiver.of_type(DEGRADED)) == 1


def test_a_change_behind_a_fuse_mount_is_found_by_polling(host):
    watch(host, "files", {"paths": ("/mnt/far/**",)}, surroundings={"poll_seconds": 0.1})
    host.boot(options=("--bind=/dev/fuse",))
    degraded = host.receiver.wait_for_event(DEGRADED)
    assert degraded["context"]["data"]["poll_seconds"] == pytest.approx(0.6)
    host.shell("echo new > /srv/far/a; echo new > /srv/far/b")
    host.receiver.wait_for_event(CHANGED, path="/mnt/far/b", change="created")
    changed = host.receiver.wait_for_event(CHANGED, path="/mnt/far/a", change="modified")
    assert changed["context"]["data"]["new_sha256"] == sha256("new\n")
    assert len(host.receiver.of_type(CHANGED)) == 2


def test_a_mount_that_goes_away_is_unreadable_and_what_changed_meanwhile_is_told_when_it_is_back(files):
    files.host.run("umount", "/mnt/far")
    files.host.receiver.wait_for_event(CHANGED, path="/mnt/far", change="unreadable")
    files.host.run("systemctl", "restart", UNIT)
    files.wait_until_watching()
    assert files.said() == [("/mnt/far", "unreadable")]
    files.host.shell("echo new > /srv/far/a; systemctl restart far.service")
    files.host.receiver.wait_for_event(CHANGED, path="/mnt/far/a", change="modified")
    assert files.said() == [("/mnt/far", "unreadable"), ("/mnt/far/a", "modified")]


def test_a_mount_that_hangs_is_unreadable_and_holds_up_neither_other_files_nor_the_stop(host):
    files = Files(host, CONF)
    host.path("/etc/app/link").symlink_to("/mnt/far/a")
    files.boot(options=("--bind=/dev/fuse",))
    server = host.run("pidof", "bindfs").stdout.strip()
    host.run("kill", "-STOP", server)
    host.run("systemctl", "restart", UNIT)
    told = host.receiver.wait_for_event(CHANGED, path="/mnt/far", change="unreadable")
    assert told["context"]["data"]["reason"] == "the file system that is mounted here does not answer"
    unreadable = [("/etc/app/link", "unreadable"), ("/mnt/far", "unreadable")]
    assert sorted(files.said()) == unreadable
    host.run("systemctl", "restart", UNIT)
    host.shell("echo new > /srv/far/a")
    host.run("kill", "-CONT", server)
    host.receiver.wait_for_event(CHANGED, path="/mnt/far/a", change="modified")
    assert sorted(files.said()) == [*unreadable, ("/mnt/far/a", "modified")]
