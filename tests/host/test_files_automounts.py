"""Automounts below what is watched: nothing is mounted by looking, and what others mount is watched while it is there."""

import pytest
from harness.files import CHANGED, UNIT, Files

pytestmark = pytest.mark.every_debian

CONF = "files:\n  - paths: ['/etc/app/**', '/srv/**', '/srv/named/**']\n"
AUTOMOUNT = f"""\
[Unit]
Before={UNIT}
[Automount]
Where=/srv/%s
[Install]
WantedBy=multi-user.target
"""
DISK = """\
d /run/disk/{name} 0755
f /run/disk/{name}/a.conf 0644 - - - old
"""
"""On another file system than /srv."""
NAMES = ("named", "inner")
"""One that the configuration names, so that it is watched while it is mounted, and one that merely lies in a watched tree."""


@pytest.fixture
def host(new_host):
    """Return a host with two automounts, which nobody has used yet."""
    host = new_host()
    for name in NAMES:
        host.path(f"/srv/{name}").mkdir()
        host.write(f"/etc/tmpfiles.d/{name}.conf", DISK.format(name=name))
        host.write(
            f"/etc/systemd/system/srv-{name}.mount",
            f"[Mount]\nWhat=/run/disk/{name}\nWhere=/srv/{name}\nType=none\nOptions=bind\n",
        )
        host.write(f"/etc/systemd/system/srv-{name}.automount", AUTOMOUNT % name)
        wants = host.path(f"/etc/systemd/system/multi-user.target.wants/srv-{name}.automount")
        wants.symlink_to(f"/etc/systemd/system/srv-{name}.automount")
    return host


@pytest.fixture
def files(host):
    host.path("/etc/app").mkdir()
    host.path("/etc/app/link").symlink_to("/srv/named/a.conf")
    files = Files(host, CONF)
    files.boot(options=("--bind=/dev/autofs",))
    return files


def states(host):
    """Return what systemd says of the automounts, and of what they mount."""
    units = [f"srv-{name}.{kind}" for name in NAMES for kind in ("automount", "mount")]
    shown = host.shell(f"systemctl show --property=SubState --value {' '.join(units)} | grep .").split()
    return dict(zip(units, shown, strict=True))


WAITING = {
    "srv-named.automount": "waiting",
    "srv-named.mount": "dead",
    "srv-inner.automount": "waiting",
    "srv-inner.mount": "dead",
}


def test_no_look_mounts_an_automount_neither_at_the_start_nor_by_hints_nor_by_a_compare(files):
    assert states(files.host) == WAITING
    files.host.shell("echo x > /srv/b; mkdir /srv/d; rm /srv/b; echo x > /srv/c; touch -h /etc/app/link")
    files.host.receiver.wait_for_event(CHANGED, path="/srv/c", change="created")
    files.host.run("systemctl", "restart", UNIT)
    files.wait_until_watching()
    assert states(files.host) == WAITING
    assert files.said() == [("/srv/c", "created")]


def test_what_others_mount_is_learnt_silently_and_watched_while_it_is_there_and_its_end_is_neither_told_nor_undone(
    files,
):
    host = files.host
    host.shell("cat /srv/named/a.conf")
    assert states(host) == {**WAITING, "srv-named.automount": "running", "srv-named.mount": "mounted"}
    assert files.said() == []
    host.shell("echo new > /srv/named/a.conf")
    host.receiver.wait_for_event(CHANGED, path="/srv/named/a.conf", change="modified")
    host.run("systemctl", "stop", "srv-named.mount")
    host.run("systemctl", "restart", UNIT)
    files.wait_until_watching()
    told = files.said()
    assert states(host) == WAITING
    assert told == [("/srv/named/a.conf", "modified")]
    host.shell("cat /srv/named/a.conf")
    assert files.said() == told


def test_an_automount_that_takes_long_to_mount_delays_neither_other_files_nor_the_stop(files):
    host = files.host
    host.shell("mkdir -p /etc/systemd/system/srv-named.mount.d")
    host.write(
        "/etc/systemd/system/slow.service",
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'until test -e /run/go; do sleep 0.1; done'\n",
    )
    host.write(
        "/etc/systemd/system/srv-named.mount.d/slow.conf",
        "[Unit]\nRequires=slow.service\nAfter=slow.service\n",
    )
    host.run("systemctl", "daemon-reload")
    with host.running("cat", "/srv/named/a.conf"):
        host.shell("until systemctl is-active slow.service | grep -q activating; do sleep 0.1; done")
        host.shell("echo x > /etc/app/meanwhile")
        host.receiver.wait_for_event(CHANGED, path="/etc/app/meanwhile")
        host.run("systemctl", "restart", UNIT)
        files.wait_until_watching()
        host.shell("echo x > /etc/app/again; test ! -e /run/go")
        host.receiver.wait_for_event(CHANGED, path="/etc/app/again")
        host.shell("systemctl is-active slow.service | grep -q activating; touch /run/go")
        host.shell("until systemctl is-active -q srv-named.mount; do sleep 0.1; done")
    assert files.said() == [("/etc/app/meanwhile", "created"), ("/etc/app/again", "created")]
