"""What the kernel refuses or loses: too few watches, no inotify instance, a queue that overflows."""

from pathlib import Path

import pytest
from harness.files import APP, CHANGED, CONF, UNIT, Files, sha256

pytestmark = pytest.mark.every_debian

DEGRADED = "WatchDegradedEvent"
# systemd writes the map of the namespace below /proc, which the unit otherwise shows read-only.
OWN_LIMITS = "[Service]\nPrivateUsers=yes\nReadOnlyPaths=\n"


@pytest.fixture
def off(host):
    return Files(host)


@pytest.fixture
def limited(off):
    """Give the agent's service a user namespace, which has limits of its own beside the machine's."""
    off.host.write(f"/etc/systemd/system/{UNIT}.d/limits.conf", OWN_LIMITS)
    return off


def limit(host, name, value):
    """Lower one limit of inotify for the agent alone; the kernel holds to the lowest."""
    pid = host.property(UNIT, "MainPID")
    write = f"nsenter --target {pid} --user sh -c 'echo {value} > /proc/sys/user/{name}'"
    host.run("unshare", "--mount", "sh", "-euc", f"mount -o remount,bind,rw /proc/sys; {write}")


def test_past_the_limit_of_watches_a_subtree_is_polled_and_that_is_told_once(limited):
    limited.host.write("/etc/app/first/a", "old\n")
    limited.boot()
    limit(limited.host, "max_inotify_watches", 1)
    limited.host.shell(
        "mkdir -p /root/late/1 /root/late/2; echo old > /root/late/2/b; mv /root/late /etc/app"
    )
    event = limited.host.receiver.wait_for_event(DEGRADED)
    data = event["context"]["data"]
    assert data["path"] == "/etc/app/late"
    assert data["directories"] == 3
    assert data["poll_seconds"] == 10
    assert "fs.inotify.max_user_watches" in data["reason"]
    limited.host.receiver.wait_for_event(CHANGED, path="/etc/app/late/2/b", change="created")
    limited.host.shell("echo new > /etc/app/late/2/b; echo new > /etc/app/first/a")
    by_signal = limited.host.receiver.wait_for_event(CHANGED, path="/etc/app/first/a")
    polled = limited.host.receiver.wait_for_event(CHANGED, path="/etc/app/late/2/b", change="modified")
    assert polled["context"]["data"]["new_sha256"] == sha256("new\n")
    assert by_signal["context"]["data"]["new_sha256"] == sha256("new\n")
    assert len(limited.told()) == 3
    assert len(limited.host.receiver.of_type(DEGRADED)) == 1


def test_without_any_inotify_instance_everything_is_polled_and_that_is_told_once(limited):
    limited.host.write("/etc/app/a", "old\n")
    limited.host.path(CONF).unlink()
    limited.host.boot()
    limited.host.catch_up()
    limit(limited.host, "max_inotify_instances", 1)
    limited.host.write(CONF, APP)
    limited.host.reload()
    data = limited.host.receiver.wait_for_event(DEGRADED)["context"]["data"]
    assert (data["path"], data["poll_seconds"]) == ("/etc/app", 10)
    assert "fs.inotify.max_user_instances" in data["reason"]
    limited.wait_until_watching()
    limited.host.write("/etc/app/a", "new\n")
    polled = limited.host.receiver.wait_for_event(CHANGED, path="/etc/app/a")
    assert polled["context"]["data"]["change"] == "modified"
    limited.host.catch_up()
    assert len(limited.host.receiver.of_type(CHANGED)) == 1
    assert len(limited.host.receiver.of_type(DEGRADED)) == 1


def test_what_the_kernels_queue_could_not_hold_is_found_and_told_once(off):
    for name in ("one", "other", "third"):
        off.host.write(f"/etc/app/{name}", "old\n")
    off.boot()
    pid = off.host.property(UNIT, "MainPID")
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    off.host.run("kill", "-STOP", pid)
    off.host.python(
        "import os\n"
        "one, other = (os.open(f'/etc/app/{name}', os.O_WRONLY) for name in ('one', 'other'))\n"
        f"for _ in range({queue}):\n"
        "    os.pwrite(one, b'x', 0), os.pwrite(other, b'x', 0)\n"
    )
    off.host.write("/etc/app/third", "new\n")
    off.host.write("/etc/app/fourth", "new\n")
    off.host.run("kill", "-CONT", pid)
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/fourth")
    data = off.data()
    assert sorted((one["path"], one["change"]) for one in data) == [
        ("/etc/app/fourth", "created"),
        ("/etc/app/one", "modified"),
        ("/etc/app/other", "modified"),
        ("/etc/app/third", "modified"),
    ]
    assert not any("while_agent_down" in one for one in data)
