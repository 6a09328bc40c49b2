"""The step after the start: one thread of the unit's main process runs at once, and nothing else is ever touched."""

import contextlib
import errno
import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent.runtime import at_once
from collectors._origin import listener

UNIT = b"0::/system.slice/sts-agent.service\n"


def test_the_step_and_the_daemon_call_the_thread_the_same():
    assert listener.NAME.encode() + b"\n" == at_once.NAME


class Host:
    """The part of /proc, /sys and /boot that the step reads, and what it asks the kernel for."""

    def __init__(self, root):
        self.root = root
        self.asked = []
        self.write("proc/self/cgroup", UNIT)
        self.write("proc/70/cgroup", UNIT)
        for number, name in ((70, "python3"), (71, "who-watch"), (72, "files")):
            self.thread(number, name)

    def write(self, path, content):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)

    def thread(self, number, name, pid=70):
        self.write(f"proc/{pid}/task/{number}/comm", f"{name}\n".encode())

    def step(self, main_pid="70", answer=lambda _: None):
        def set_policy(thread, policy, param):
            self.asked.append((thread, policy, param.sched_priority))
            answer(thread)

        assert at_once.main({"MAINPID": main_pid}, f"{self.root}/", set_policy) == 0
        return self.asked


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


AT_ONCE = (71, os.SCHED_RR | os.SCHED_RESET_ON_FORK, 1)


def test_the_thread_of_that_name_gets_the_lowest_real_time_priority_and_hands_it_on_to_nobody(host, capsys):
    assert host.step() == [AT_ONCE]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("main_pid", ["", "0x46", "70 71", "-1", "\u0667\u0660", "../70", "4294967295"])
def test_what_is_no_process_of_ours_is_left_alone(host, main_pid, capsys):
    assert host.step(main_pid) == []
    assert "when a processor is free" in capsys.readouterr().err


def test_a_process_of_another_unit_is_left_alone(host):
    host.write("proc/70/cgroup", b"0::/system.slice/other.service\n")
    assert host.step() == []


def test_where_nobody_listens_there_is_nothing_to_do_and_nothing_to_say(host, capsys):
    host.thread(71, "files")
    assert host.step() == []
    assert capsys.readouterr().err == ""


def test_where_several_threads_have_that_name_none_gets_anything(host):
    host.thread(73, "who-watch")
    assert host.step() == []


@pytest.mark.parametrize("name", ["who-watch2", "who-watc", "a\nwho-watch"])
def test_another_name_is_another_thread(host, name):
    host.thread(71, name)
    assert host.step() == []


def test_where_the_kernel_refuses_all_stays_as_it_is(host, capsys):
    def refuse(_):
        raise OSError(errno.EPERM, "Operation not permitted")

    assert host.step(answer=refuse) == [AT_ONCE]
    assert "Operation not permitted" in capsys.readouterr().err


def test_a_number_that_is_anothers_meanwhile_is_given_back(host):
    assert host.step(answer=lambda _: host.thread(71, "sh")) == [AT_ONCE, (71, os.SCHED_OTHER, 0)]


RELEASE = os.uname().release
BUILT_WITH = b"CONFIG_X=y\nCONFIG_RT_GROUP_SCHED=y\nCONFIG_Y=y\n"
BUILT_WITHOUT = b"CONFIG_X=y\n# CONFIG_RT_GROUP_SCHED is not set\n"


@pytest.mark.parametrize(
    ("offered", "given", "said", "expected"),
    [
        (b"cpuset cpu io\n", b"memory\n", {f"boot/config-{RELEASE}": BUILT_WITHOUT}, [AT_ONCE]),
        (b"cpuset cpu io\n", b"memory\n", {f"boot/config-{RELEASE}": BUILT_WITH}, []),
        (b"cpuset cpu io\n", b"memory\n", {f"usr/lib/modules/{RELEASE}/config": BUILT_WITHOUT}, [AT_ONCE]),
        (b"cpuset cpu io\n", b"memory\n", {"proc/config.gz": gzip.compress(BUILT_WITHOUT)}, [AT_ONCE]),
        (b"cpuset cpu io\n", b"memory\n", {"proc/config.gz": gzip.compress(BUILT_WITH)}, []),
        (b"cpuset cpu io\n", b"memory\n", {"proc/config.gz": b"\x1f\x8b no"}, []),
        (b"cpuset cpu io\n", b"memory\n", {}, []),
        (b"cpuset cpu io\n", b"cpu memory\n", {f"boot/config-{RELEASE}": BUILT_WITH}, [AT_ONCE]),
        (b"cpuset io\n", b"memory\n", {f"boot/config-{RELEASE}": BUILT_WITH}, [AT_ONCE]),
    ],
)
def test_it_never_keeps_the_kernel_from_sharing_processors_among_groups(host, offered, given, said, expected):
    """A kernel with CONFIG_RT_GROUP_SCHED could not any more; where it shares them already it refuses by itself."""
    host.write("sys/fs/cgroup/cgroup.controllers", offered)
    host.write("sys/fs/cgroup/cgroup.subtree_control", given)
    for path, content in said.items():
        host.write(path, content)
    assert host.step() == expected


def test_it_runs_alone_for_milliseconds_so_it_loads_little():
    script = "import sys, agent.runtime.at_once; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(Path.cwd())!r}); {script}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert not {"ctypes", "typing", "re", "pathlib", "socket", "msgspec", "zlib"} & {*loaded}
    assert {one for one in loaded if one.startswith("agent")} == {
        "agent",
        "agent.runtime",
        "agent.runtime.at_once",
    }


def test_the_kernel_does_what_it_is_asked_for(capsys):
    """Of this process; where it may not be, it is said."""
    thread = listener.Listener()
    thread.start()
    with contextlib.closing(_Ending(thread)):
        assert not thread.is_at_once
        at_once.main({"MAINPID": str(os.getpid())})
        is_refused = "when a processor is free" in capsys.readouterr().err
        assert thread.is_at_once != is_refused
        if os.geteuid() == 0 and thread.is_at_once:
            inherited = []
            done = thread.do(lambda: _start_and_look(inherited))
            assert done.wait(30)
            assert inherited == [os.SCHED_OTHER]


class _Ending:
    def __init__(self, thread):
        self.close = thread.end


def _start_and_look(found):
    another = threading.Thread(target=lambda: found.append(os.sched_getscheduler(0)))
    another.start()
    another.join()
