"""Files that are no plain text at rest: binary, huge, linked, special, never still, and whole directories of them."""

import contextlib
import errno
import os
import socket
import stat

import pytest
from harness.files import CHANGED, Files, sha256

pytestmark = pytest.mark.every_debian

MIB = 1024 * 1024


@pytest.fixture
def off(host):
    return Files(host)


def by_name(told):
    return {data["path"].rpartition("/")[2]: data for data in told}


def test_a_binary_file_has_hashes_and_a_huge_one_size_and_times(off):
    off.host.path("/etc/app/binary").write_bytes(b"\x00\x01\xff")
    with off.host.path("/etc/app/huge").open("wb") as huge:
        huge.truncate(65 * MIB)
    off.boot()
    off.host.shell(r"printf '\000\002\377' > /etc/app/binary; truncate -s 66M /etc/app/huge")
    told = by_name(off.data())
    binary, huge = told["binary"], told["huge"]
    assert binary["change"] == huge["change"] == "modified"
    assert binary["old_sha256"] != binary["new_sha256"]
    assert (huge["old_sha256"], huge["new_sha256"]) == (None, None)
    assert (huge["old_size"], huge["new_size"]) == (65 * MIB, 66 * MIB)
    assert "diff" not in binary
    assert "diff" not in huge


def test_what_is_no_regular_file_is_never_opened_and_holds_nothing_up(off):
    for name in ("file", "removed"):
        off.host.write(f"/etc/app/{name}", "old\n")
    os.mkfifo(off.host.path("/etc/app/fifo"))
    os.mknod(off.host.path("/etc/app/terminal"), 0o666 | stat.S_IFCHR, os.makedev(5, 0))
    os.mknod(off.host.path("/etc/app/disk"), 0o666 | stat.S_IFBLK, os.makedev(7, 250))
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        directory = os.open(off.host.path("/etc/app"), os.O_PATH)
        listening.bind(f"/proc/self/fd/{directory}/socket")
        os.close(directory)
    off.boot()
    off.host.shell(
        "mkfifo /etc/app/another; rm /etc/app/removed; mkfifo /etc/app/removed; echo new > /etc/app/file"
    )
    off.host.run("chmod", "0600", "/etc/app/fifo", "/etc/app/terminal", "/etc/app/socket")
    assert sorted(off.said()) == [("/etc/app/file", "modified"), ("/etc/app/removed", "deleted")]


WRITER = """
import os, sys, time, threading
file = os.open("/etc/app/restless", os.O_RDWR)
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
print("writing", flush=True)
while not stop.wait(0.0002):
    os.pwrite(file, os.urandom(8).hex().encode(), 0)
os.pwrite(file, b"at rest at last!", 0)
"""


def test_a_file_that_changes_while_it_is_read_ends_with_its_last_content(off):
    rest = "x" * (8 * MIB)
    off.host.write("/etc/app/restless", "0123456789abcdef" + rest)
    off.boot()
    with off.host.running("python3", "-c", WRITER) as writer:
        assert writer.stdout.readline() == "writing\n"
        off.host.shell("echo 1 > /etc/app/beside")
        off.host.receiver.wait_for_event(CHANGED, path="/etc/app/beside")
        writer.stdin.close()
        assert writer.wait() == 0
    last = sha256("at rest at last!" + rest)
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/restless", new_sha256=last)
    told = [data for data in off.data() if data["path"] == "/etc/app/restless"]
    assert told[-1]["new_sha256"] == last
    assert {data["change"] for data in told} == {"modified"}


def test_a_link_is_told_when_it_is_retargeted_and_when_its_target_changes(off):
    for name in ("one", "other"):
        off.host.write(f"/srv/targets/{name}", f"{name}\n")
    off.host.path("/etc/app/link").symlink_to("/srv/targets/one")
    off.boot()
    off.host.shell("ln -sfn /srv/targets/other /etc/app/link")
    [retargeted] = off.data()
    assert (retargeted["path"], retargeted["change"]) == ("/etc/app/link", "modified")
    assert (retargeted["old_target"], retargeted["new_target"]) == ("/srv/targets/one", "/srv/targets/other")
    assert (retargeted["old_sha256"], retargeted["new_sha256"]) == (sha256("one\n"), sha256("other\n"))
    off.host.shell("echo changed > /srv/targets/other; echo seen by nobody > /srv/targets/one")
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/link", new_sha256=sha256("changed\n"))
    changed = off.data()[1:]
    assert [(data["path"], data["new_sha256"]) for data in changed] == [
        ("/etc/app/link", sha256("changed\n"))
    ]
    off.host.shell("rm /srv/targets/other")
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/link", old_sha256=sha256("changed\n"))
    dangling = off.data()[-1]
    assert (dangling["path"], dangling["change"]) == ("/etc/app/link", "modified")


def test_what_is_written_through_one_of_two_hard_links_is_told_of_both(off):
    off.host.write("/etc/app/one", "old\n")
    os.link(off.host.path("/etc/app/one"), off.host.path("/etc/app/other"))
    off.boot()
    off.host.shell("echo new > /etc/app/one")
    for name in ("one", "other"):  # a shell empties a file before it writes: that may be a change of its own
        off.host.receiver.wait_for_event(CHANGED, path=f"/etc/app/{name}", new_sha256=sha256("new\n"))
    assert {*off.said()} == {("/etc/app/one", "modified"), ("/etc/app/other", "modified")}
    told = len(off.said())
    off.host.shell("rm /etc/app/one; echo newer > /etc/app/other")
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/other", new_sha256=sha256("newer\n"))
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/one", change="deleted")
    assert {*off.said()[told:]} == {("/etc/app/one", "deleted"), ("/etc/app/other", "modified")}


def test_a_directory_full_of_files_is_told_file_by_file_when_it_comes_moves_and_goes(off):
    off.boot()
    numbers = range(100)
    off.host.python(
        "import os\n"
        "for number in range(100):\n"
        "    os.makedirs(f'/etc/app/new/{number % 7}', exist_ok=True)\n"
        "    with open(f'/etc/app/new/{number % 7}/{number}', 'w') as file: file.write(f'{number}\\n')\n"
    )
    assert sorted(off.said()) == sorted((f"/etc/app/new/{n % 7}/{n}", "created") for n in numbers)
    off.host.shell("mv /etc/app/new /etc/app/moved")
    moved = off.data()[100:]
    assert {(data["renamed_from"], data["path"], data["change"]) for data in moved} == {
        (f"/etc/app/new/{n % 7}/{n}", f"/etc/app/moved/{n % 7}/{n}", "renamed") for n in numbers
    }
    assert len(moved) == 100
    off.host.shell("echo new > /etc/app/moved/3/3; rm -r /etc/app/moved/4")
    gone = {(f"/etc/app/moved/4/{n}", "deleted") for n in numbers if n % 7 == 4}
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/moved/3/3", change="modified")
    assert set(off.said()[200:]) == {("/etc/app/moved/3/3", "modified"), *gone}
    off.host.shell("rm -r /etc/app/moved")
    left = sorted((f"/etc/app/moved/{n % 7}/{n}", "deleted") for n in numbers if n % 7 != 4)
    assert sorted(off.said()[201 + len(gone) :]) == left


def default_acl():
    """Return the default ACL u::rw-,u:33:r--,g::r--,m::r--,o::r-- as the kernel takes it."""
    nobody = 0xFFFFFFFF
    entries = [(0x01, 6, nobody), (0x02, 4, 33), (0x04, 4, nobody), (0x10, 4, nobody), (0x20, 4, nobody)]
    return b"\2\0\0\0" + b"".join(
        tag.to_bytes(2, "little") + rights.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, rights, who in entries
    )


def test_an_acl_that_a_new_file_inherits_is_there_from_the_start_and_told_when_it_goes(off):
    off.host.path("/etc/app/shared").mkdir()
    off.boot()
    set_default = f"os.setxattr('/etc/app/shared', 'system.posix_acl_default', {default_acl()!r})"
    off.host.python(f"import os; {set_default}; open('/etc/app/shared/a', 'w').write('a')")
    assert off.said() == [("/etc/app/shared/a", "created")]
    off.host.python("import os; os.removexattr('/etc/app/shared/a', 'system.posix_acl_access')")
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/shared/a", change="attributes")
    told = off.data()[1:]
    assert [(data["path"], data["change"]) for data in told] == [("/etc/app/shared/a", "attributes")]
    assert "acl" in told[0]["attributes"].split(", ")


def test_an_attribute_of_a_users_own_is_told_by_its_name(off):
    off.host.write("/etc/app/a", "a\n")
    try:
        os.setxattr(off.host.path("/etc/app/a"), "user.owner", b"team a")
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        pytest.skip("the kernel of this machine keeps no user.* attributes in memory (it does since 6.6)")
    off.boot()
    off.host.python("import os; os.setxattr('/etc/app/a', 'user.owner', b'team b')")
    [data] = off.data()
    assert (data["path"], data["change"], data["attributes"]) == ("/etc/app/a", "attributes", "user.owner")
