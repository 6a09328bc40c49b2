"""Package managers and their kin are found by the locks that they hold and the processes of root's."""

import fcntl
import os
import subprocess
import sys

import pytest

from agent.runtime.running_work import RunningWork, _commands_of_root, running

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root's work counts; run as root")

HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def hold():
    """Return a function that has another process lock a file until the test ends or the function's result is called."""
    processes = []

    def lock(path, name=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        program = HOLD if name is None else f"open('/proc/self/comm', 'w').write({name!r})\n{HOLD}"
        process = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"held\n"

        def let_go():
            process.kill()
            process.wait()

        return let_go

    yield lock
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def found(root):
    return {name for name in running(root) if name != "ansible"}  # of the machine, not of the root


@pytest.mark.parametrize(
    ("path", "holder", "name"),
    [
        ("var/lib/dpkg/lock-frontend", None, "apt"),
        ("var/lib/dpkg/lock", "dpkg", "apt"),
        ("var/lib/dpkg/lock-frontend", "unattended-upgr", "unattended-upgrades"),
        ("var/lib/rpm/.rpm.lock", "dnf", "dnf"),
    ],
)
def test_who_holds_the_lock_of_a_package_manager_is_at_work(tmp_path, hold, path, holder, name):
    let_go = hold(tmp_path / path, holder)
    assert found(tmp_path) == {name}
    let_go()
    assert found(tmp_path) == set()


def test_a_lock_that_nobody_holds_is_no_work(tmp_path):
    path = tmp_path / "var/lib/dpkg/lock-frontend"
    path.parent.mkdir(parents=True)
    path.touch()
    assert found(tmp_path) == set()


def test_asking_takes_no_lock_away(tmp_path, hold):
    hold(tmp_path / "var/lib/dpkg/lock")
    assert found(tmp_path) == {"apt"}
    with (tmp_path / "var/lib/dpkg/lock").open("w") as file, pytest.raises(BlockingIOError):
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert found(tmp_path) == {"apt"}


def test_a_run_of_puppet_is_one_whose_process_lives(tmp_path):
    lock = tmp_path / "var/lib/puppet/state/agent_catalog_run.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(str(os.getpid()))
    assert found(tmp_path) == {"puppet"}
    for left in ("4194305", "", "x", "-"):
        lock.write_text(left)
        assert found(tmp_path) == set()


def test_a_module_of_ansible_that_root_runs_is_work(tmp_path):
    module = tmp_path / "AnsiballZ_command.py"
    module.write_text("import time; print('here', flush=True); time.sleep(600)")
    process = subprocess.Popen([sys.executable, module], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        assert "ansible" in set(running(tmp_path))
        assert any(str(module).encode() in command for command in _commands_of_root())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_nobody_but_root_is_at_planned_work(tmp_path):
    module = tmp_path / "AnsiballZ_command.py"
    module.write_text("import time; print('here', flush=True); time.sleep(600)")
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and "pytest" in str(parent):
            parent.chmod(0o755)
    process = subprocess.Popen(["/usr/bin/python3", module], stdout=subprocess.PIPE, user=65534, group=65534)
    try:
        assert process.stdout.readline() == b"here\n"
        assert not any(str(module).encode() in command for command in _commands_of_root())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_lock_file_that_is_a_pipe_or_a_link_holds_up_nobody(tmp_path):
    directory = tmp_path / "var/lib/dpkg"
    directory.mkdir(parents=True)
    os.mkfifo(directory / "lock")
    (directory / "lock-frontend").symlink_to(directory / "lock")
    assert found(tmp_path) == set()


def test_what_has_just_ended_still_counts_for_its_last_changes(tmp_path, hold):
    now = [0.0]
    work = RunningWork(tmp_path, lambda: now[0])
    let_go = hold(tmp_path / "var/lib/dpkg/lock")
    assert "apt" in work()
    let_go()
    now[0] = 10.0
    assert "apt" in work()
    now[0] = 30.0
    assert "apt" not in work()
