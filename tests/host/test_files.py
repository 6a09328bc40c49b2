"""Configuration files on a real host, told by the installed service: its user, its sandbox, its limits."""

import itertools
import struct

import pytest
from harness.files import APP, CHANGED, CONF, UNIT, Files, sha256

pytestmark = pytest.mark.every_debian


@pytest.fixture
def off(host):
    return Files(host)


@pytest.fixture
def files(off):
    off.boot()
    return off


SAVES = {
    "written over": "printf new > {file}",
    "appended and cut": "printf newer >> {file}; printf new > {file}",
    "sed -i": "sed -i s/old/new/ {file}",
    "vim": "vim.tiny -es -u NONE -c 'set backup noeol nofixeol' -c '%s/old/new/' -c wq {file}; rm -f {file}~",
    "renamed over": "printf new > /etc/app/.t; mv /etc/app/.t {file}",
    "moved aside and written": "mv {file} /etc/backup; printf new > {file}",
    "cp": "printf new > /etc/new; cp /etc/new {file}",
    "install": "printf new > /etc/new; install -m 0644 /etc/new {file}",
}


def test_however_a_file_is_saved_it_is_one_modification_with_both_hashes(off):
    paths = {name: f"/etc/app/{number}.conf" for number, name in enumerate(SAVES)}
    for path in paths.values():
        off.host.write(path, "old")
    off.boot()
    for name, path in paths.items():
        off.host.shell(SAVES[name].format(file=path))
    data = off.data()
    assert [(one["path"], one["change"]) for one in data] == [(path, "modified") for path in paths.values()]
    assert {(one["old_sha256"], one["new_sha256"]) for one in data} == {(sha256("old"), sha256("new"))}


def test_a_swapped_symlink_changes_every_file_seen_through_it_as_kubernetes_does(off):
    for version in ("1", "2"):
        off.host.write(f"/etc/app/..{version}/app.conf", f"version {version}\n")
    off.host.path("/etc/app/..data").symlink_to("..1")
    off.host.path("/etc/app/app.conf").symlink_to("..data/app.conf")
    off.boot()
    off.host.shell("ln -s ..2 /etc/app/..new; mv -T /etc/app/..new /etc/app/..data")
    changed = [data for data in off.data() if data["path"] == "/etc/app/app.conf"]
    assert [(one["change"], one["old_sha256"], one["new_sha256"]) for one in changed] == [
        ("modified", sha256("version 1\n"), sha256("version 2\n"))
    ]


def acl(user):
    """Return the ACL u::rw-,u:USER:r--,g::r--,m::r--,o::r-- as the kernel takes it."""
    nobody = 0xFFFFFFFF
    entries = [(0x01, 6, nobody), (0x02, 4, user), (0x04, 4, nobody), (0x10, 4, nobody), (0x20, 4, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_mode_owner_capabilities_and_acls_are_told_by_name_without_a_diff(off):
    for name in ("mode", "owner", "capabilities", "acl"):
        off.host.write(f"/etc/app/{name}", "x\n")
    off.boot()
    off.host.shell("chmod 0600 /etc/app/mode; chown nobody /etc/app/owner")
    bind_service = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    for name, attribute, value in (
        ("capabilities", "security.capability", bind_service),
        ("acl", "system.posix_acl_access", acl(33)),
    ):
        off.host.python(f"import os; os.setxattr('/etc/app/{name}', '{attribute}', {value!r})")
    data = {one["path"].rpartition("/")[2]: one for one in off.data()}
    assert {one["change"] for one in data.values()} == {"attributes"}
    assert {name: one["attributes"] for name, one in data.items()} == {name: name for name in data}
    assert (data["mode"]["old_mode"], data["mode"]["new_mode"]) == ("0644", "0600")
    assert data["owner"]["old_owner"].startswith("root")
    assert data["owner"]["new_owner"].startswith("nobody")
    assert not any("diff" in one for one in data.values())


def test_what_only_root_may_read_is_told_by_its_hash_and_never_by_its_text(files):
    files.host.shell("umask 077; echo hunter2 > /etc/app/private; echo hunter3 > /etc/app/private")
    [data] = files.data()
    assert (data["change"], data["new_sha256"]) == ("created", sha256("hunter3\n"))
    assert "hunter" not in str(data)


def test_without_its_capability_a_private_file_is_unreadable_and_never_deleted(off):
    off.host.write(f"/etc/systemd/system/{UNIT}.d/less.conf", "[Service]\nAmbientCapabilities=\n")
    off.host.write("/etc/app/a", "a\n")
    off.boot()
    off.host.shell("chmod 0600 /etc/app/a")
    assert off.said() == [("/etc/app/a", "unreadable")]
    off.host.shell("sleep 0.6; chmod 0644 /etc/app/a")
    assert {change for _, change in off.said()} == {"unreadable", "attributes"}


def test_a_root_that_is_removed_and_made_again_is_watched_again(off):
    off.host.write(CONF, APP + "  - paths: ['/srv/site/**']\n")
    off.host.write("/srv/site/a", "1\n")
    off.boot()
    off.host.shell("rm -r /srv/site")
    assert off.said() == [("/srv/site/a", "deleted")]
    off.host.shell("mkdir -p /srv/site/deep; echo 2 > /srv/site/deep/b")
    off.host.receiver.wait_for_event(CHANGED, path="/srv/site/deep/b", change="created")
    off.host.shell("echo 3 > /srv/site/deep/b")
    off.host.receiver.wait_for_event(CHANGED, path="/srv/site/deep/b", change="modified")


def test_a_directory_moved_within_and_one_moved_away(off):
    for name in ("here", "leaves"):
        off.host.write(f"/etc/app/{name}/a", f"{name}\n")
    off.boot()
    off.host.shell("mv /etc/app/here /etc/app/there; mv /etc/app/leaves /root/")
    renamed, gone = sorted(off.data(), key=lambda data: data["change"], reverse=True)
    assert (renamed["path"], renamed["renamed_from"]) == ("/etc/app/there/a", "/etc/app/here/a")
    assert (gone["path"], gone["change"]) == ("/etc/app/leaves/a", "deleted")


def test_a_thousand_changes_in_a_second_are_few_events_and_the_last_content_is_right(files):
    files.host.python(
        "for number in range(1000):\n"
        "    with open('/etc/app/busy', 'w') as file: file.write(f'{number}\\n')\n"
    )
    told = files.host.receiver.wait_for(
        lambda events: (
            [
                event["context"]["data"]
                for event in events
                if event["context"]["data"].get("path") == "/etc/app/busy"
            ]
            if any(event["context"]["data"].get("new_sha256") == sha256("999\n") for event in events)
            else None
        )
    )
    assert len(told) <= 20
    assert told[0]["change"] == "created"
    for before, after in itertools.pairwise(told):
        assert before["new_sha256"] == after["old_sha256"]


@pytest.mark.parametrize("count", [400, pytest.param(20_000, marks=pytest.mark.long)])
def test_files_changed_while_the_agent_is_stopped_are_told_once_each(off, count):
    make = (
        f"import os\nfor number in range({count}):\n"
        "    directory = f'/etc/app/{number // 100}'; os.makedirs(directory, exist_ok=True)\n"
        "    with open(f'{directory}/{number}.conf', 'w') as file: file.write(f'%s {number}\\n')\n"
    )
    off.host.mask_agent()
    off.host.boot()
    off.host.python(make % "old")
    off.host.shell("rm /etc/systemd/system/sts-agent.service; systemctl daemon-reload")
    for text in ("old", "new"):
        off.host.python(make % text)
        off.host.run("systemctl", "start", UNIT)
        off.wait_until_watching()
        off.host.run("systemctl", "stop", UNIT)
    off.host.run("systemctl", "start", UNIT)
    off.wait_until_watching()
    told = off.data()
    details = {data["path"]: data for data in told if "summary" not in data}
    assert len(told) == min(count, 500) + (count > 500)
    assert len(details) == min(count, 500)
    assert sum(data.get("count", 1) for data in told) == count
    assert {(data["change"], data["while_agent_down"]) for data in told} == {("modified", True)}
