"""Which process an event is of: a number that is used again never gives a wrong name."""

import os
import subprocess
import sys

import pytest

from collectors._origin.fanotify import MODIFY, Event
from collectors._origin.known import KnownProcesses, keep_seconds
from collectors._origin.proc import Processes, place_of
from collectors._origin.users import Users

STAT = "{pid} ({comm}) S {parent} 1 1 0 -1 {flags} " + "0 " * 12 + "{started} 0 0"


class Host:
    """A root directory with processes of our own making; a clock that a test moves."""

    def __init__(self, root):
        self.root = root
        self.now = 100.0
        (root / "etc").mkdir()
        (root / "etc/passwd").write_text("root:x:0:0::/:\nalice:x:1000:1000::/:\nodd\n")
        self.processes = Processes(root)

    def known(self, pid_max=4_194_304):
        return KnownProcesses(self.processes, lambda: self.now, pid_max)

    def put(
        self,
        pid,
        comm,
        *,
        parent=1,
        started=50,
        uids="0 0",
        login=4294967295,
        cgroup="/system.slice/a.service",
    ):
        place = self.root / "proc" / str(pid)
        place.mkdir(parents=True, exist_ok=True)
        (place / "stat").write_text(STAT.format(pid=pid, comm=comm, parent=parent, flags=0, started=started))
        (place / "status").write_text("Name:\tx\nUid:\t{}\t{}\t0\t0\n".format(*uids.split()))
        (place / "loginuid").write_text(str(login))
        (place / "cgroup").write_text(f"0::{cgroup}\n")

    def end(self, pid):
        for file in (self.root / "proc" / str(pid)).iterdir():
            file.unlink()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def alive():
    """Return a pidfd of a process that is there: ours."""
    fd = os.pidfd_open(os.getpid())
    yield fd
    os.close(fd)


@pytest.fixture
def over():
    """Return a pidfd of a process that is over, and that its parent has heard of."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    fd = os.pidfd_open(process.pid)
    process.wait()
    yield fd
    os.close(fd)


def event(pid, pidfd):
    return Event(MODIFY, pid, pidfd, b"d", "a")


def test_a_process_is_named_as_proc_describes_it(host, alive):
    host.put(
        7,
        "sed) (x",
        parent=6,
        uids="1000 0",
        login=1000,
        cgroup="/user.slice/user-1000.slice/session-3.scope",
    )
    host.put(6, "bash", parent=5)
    host.put(5, "sshd", parent=1)
    found = host.known().of(event(7, alive))
    assert (found.program, found.ancestors) == ("sed) (x", ("bash", "sshd"))
    assert (found.uid, found.user, found.real_uid) == (0, "root", 1000)
    assert (found.login_uid, found.login_user) == (1000, "alice")
    assert (found.unit, found.session) == ("session-3.scope", "3")


def test_nobodys_login_is_no_user(host, alive):
    host.put(7, "cron")
    found = host.known().of(event(7, alive))
    assert (found.login_uid, found.login_user) == (None, "")


def test_a_parent_that_is_younger_than_its_child_has_anothers_number(host, alive):
    host.put(7, "sed", parent=6, started=50)
    host.put(6, "innocent", started=51)
    assert host.known().of(event(7, alive)).ancestors == ()


def test_what_was_read_after_the_process_was_over_is_nobodys(host, over):
    host.put(7, "innocent")
    assert host.known().of(event(7, over)) is None


def test_a_process_of_another_namespace_is_nobody(host, alive):
    assert host.known().of(event(0, alive)) is None


def test_a_process_that_is_over_is_known_by_what_it_did_a_moment_ago(host, alive, over):
    known = host.known()
    host.put(7, "sed")
    known.of(event(7, alive))
    host.end(7)
    host.now += 0.5
    assert known.of(event(7, -1)).program == "sed"
    assert known.of(event(7, over)).program == "sed"
    assert known.of(event(8, -1)) is None


def test_a_number_may_be_anothers_once_all_could_have_been_given(host, alive):
    known = host.known(pid_max=32_768)
    host.put(7, "sed")
    known.of(event(7, alive))
    host.now += keep_seconds(32_768) + 0.001
    assert known.of(event(7, -1)) is None
    assert keep_seconds(32_768) < 0.2
    assert keep_seconds(4_194_304) == 1.0


def test_a_number_that_is_another_process_now_is_read_anew(host, alive):
    known = host.known()
    host.put(7, "sed", started=50)
    assert known.of(event(7, alive)).program == "sed"
    host.put(7, "sed", started=60, uids="1000 1000")
    assert known.of(event(7, alive)).user == "alice"


def test_a_process_that_executes_something_else_has_its_name(host, alive):
    known = host.known()
    host.put(7, "sh")
    known.of(event(7, alive))
    host.put(7, "sed")
    assert known.of(event(7, alive)).program == "sed"


def test_what_is_no_process_of_the_kernels_writing_is_nobody(host, alive):
    host.put(7, "sed")
    (host.root / "proc/7/status").write_text("Uid")
    assert host.known().of(event(7, alive)) is None


def test_what_is_known_is_bounded(host, alive):
    known = host.known()
    host.put(7, "sed")
    known.of(event(7, alive))
    for pid in range(1000, 4000):
        host.put(1, "x")
        known.note(
            host.processes.read(1, alive).__class__(
                pid=pid, started=1, program="x", uid=0, user="root", real_uid=0
            ),
            host.now,
        )
    assert known.recent(7) is None
    assert known.recent(3999).program == "x"


@pytest.mark.parametrize(
    ("cgroup", "place"),
    [
        ("/system.slice/nginx.service", ("nginx.service", "")),
        ("/user.slice/user-1000.slice/session-3.scope", ("session-3.scope", "3")),
        ("/system.slice/cron.service/session-9.scope", ("cron.service", "")),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service", ("user@1000.service", "")),
        ("/system.slice/docker-abc.scope/system.slice/nginx.service", ("docker-abc.scope", "")),
        ("/session-4.scope", ("session-4.scope", "")),
        ("/system.slice/_cpu.service", ("cpu.service", "")),
        ("/", ("", "")),
        ("/user.slice", ("", "")),
    ],
)
def test_the_unit_is_the_first_on_the_way_down_for_what_is_below_its_owner_names(cgroup, place):
    assert place_of(cgroup) == place


def test_names_of_users_are_read_again_when_they_change(tmp_path):
    passwd = tmp_path / "passwd"
    users = Users(passwd)
    assert users.name(0) == "0"
    passwd.write_text("root:x:0:0\n")
    assert users.name(0) == "root"
    new = tmp_path / "new"
    new.write_text("admin:x:0:0\n")
    new.rename(passwd)
    assert users.name(0) == "admin"
    passwd.unlink()
    assert users.name(0) == "admin"


@pytest.mark.parametrize(
    ("groups", "unit"),
    [
        ("0::/system.slice/a.service\n", "a.service"),
        ("9:name=systemd:/system.slice/a.service\n8:pids:/\n0::/\n", "a.service"),
        ("9:name=systemd:/\n8:pids:/\n0::/system.slice/a.service\n", "a.service"),
        ("9:name=systemd:/\n0::/\n", ""),
    ],
)
def test_the_unit_is_read_of_the_hierarchy_that_systemd_uses(host, alive, groups, unit):
    host.put(7, "vim")
    (host.root / "proc/7/cgroup").write_text(groups)
    assert host.processes.read(7, alive).unit == unit
