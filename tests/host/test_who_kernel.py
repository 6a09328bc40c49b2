"""What the kernel of this machine says of who changes what: right or unknown, and never wrong. Boots nothing, and needs root."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from collectors._origin import pace
from collectors._origin.executions import Executions
from collectors._origin.fanotify import make_group
from collectors._origin.kernel_witnesses import KernelWitnesses
from collectors._origin.known import KnownProcesses
from collectors._origin.listener import Listener
from collectors._origin.proc import Processes
from collectors._origin.self_test import find_fault

TOOLS = {
    "sed": "sed -i s/a/b/ $1",
    "mv": "cp /etc/hostname $2; mv $2 $1",
    "cp": "cp /etc/hostname $1",
    "tee": "echo x | tee -a $1 >/dev/null",
    "chmod": "chmod u+x $1",
    "ln": "ln -sf /etc/hostname $1",
    "install": "install -m 600 /etc/hostname $1",
    "rm": "rm $1",
    "python3": 'python3 -c \'import sys; open(sys.argv[1], "a").write("1")\' $1',
    "perl": "perl -e 'open(F, q(>>), $ARGV[0]); print F 1' $1",
}
ROUNDS = 3
STAYS = "import sys, time\nopen(sys.argv[1], 'a').write('1')\nprint(flush=True)\ntime.sleep(1000)"


@pytest.fixture
def new_group():
    """Return a function that makes groups of fanotify; where none is to be had, this needs a root that may more."""
    groups = []

    def new_group():
        try:
            groups.append(make_group())
        except OSError as error:
            remedy = f"no group of fanotify: {error.strerror}; run this as root, outside of a container"
            if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS") == "1":
                pytest.fail(remedy, pytrace=False)
            pytest.skip(remedy)
        return groups[-1]

    yield new_group
    for group in groups:
        os.close(group)


@pytest.fixture
def listener():
    """Return the thread that reads as changes come."""
    listener = Listener()
    listener.start()
    yield listener
    listener.end()


class Folder:
    """A folder in which changes are seen; the thread that reads as they come runs only where a test starts it."""

    def __init__(self, path, witnesses):
        self.path = path
        self.witnesses = witnesses
        self.watch(path)

    def watch(self, path):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.witnesses.watch_directory(str(path), fd)
        os.close(fd)

    def file(self, name="a"):
        """Return a file that is there, and was looked at."""
        file = self.path / name
        file.unlink(missing_ok=True)
        file.write_text("a\n")
        self.witnesses.looking((str(file),))
        return str(file)

    def said(self, path):
        """Return who changed a file since it was looked at, and what is to be known of that."""
        self.witnesses.looking((str(path),))
        found = self.witnesses.of(str(path))
        return [seen.actor.program for seen in found.seen], found


@pytest.fixture
def folder(new_group, tmp_path):
    folder = Folder(tmp_path, KernelWitnesses(new_group()))
    yield folder
    folder.witnesses.close()


@pytest.mark.parametrize("execs", [False, True], ids=["by default", "with execs"])
def test_ten_tools_are_named_or_unknown_and_never_wrong(execs, new_group, listener, tmp_path):
    (tmp_path / "watched").mkdir()
    folder = Folder(tmp_path / "watched", KernelWitnesses(new_group(), new_group(), execs=execs))
    folder.witnesses.start(listener)
    try:
        outcomes = Counter(_outcome(folder, tool, tmp_path) for tool in [*TOOLS] * ROUNDS)
    finally:
        folder.witnesses.close()
    assert set(outcomes) <= {"right", "unknown"}, outcomes
    assert outcomes["right"] >= len(TOOLS), outcomes


def _outcome(folder, tool, elsewhere):
    path = folder.file(tool)
    subprocess.run(["sh", "-ec", f"{TOOLS[tool]}\n:", "sh", path, elsewhere / "new"], check=True)
    programs, found = folder.said(path)
    if not found.is_complete or programs == [""]:
        return "unknown"
    return "right" if programs == [tool] else f"{tool} is said to be {programs}"


class Ear:
    """What hears of executions while something is changed, and the time it goes by."""

    def __init__(self, group, processes=None):
        self.now = 1000.0
        processes = processes or Processes()
        self.known = KnownProcesses(processes, lambda: self.now)
        self.executions = Executions(group, processes, self.known, lambda: self.now, is_always=False)

    def hears_of_what_begins(self):
        """Begin a program, and return whether it was heard of."""
        with subprocess.Popen(["sleep", "1000"]) as process:
            self.executions.read(self.now)
            heard = self.known.recent(process.pid)
            process.kill()
        return heard is not None and heard.program == "sleep"

    def expect(self):
        """Say that something was changed, and let pass what is heard by halves."""
        self.executions.expect()
        self.now += 0.02


def test_what_is_executed_is_heard_of_for_some_seconds_after_a_change_and_not_on_a_quiet_host(new_group):
    ear = Ear(new_group())
    assert not ear.hears_of_what_begins()
    assert ear.executions.wait_seconds() is None
    ear.expect()
    assert ear.hears_of_what_begins()
    ear.now += 8
    ear.expect()
    ear.now += 8
    assert ear.hears_of_what_begins()
    ear.now += 8
    ear.executions.read(ear.now)  # the moment at which it was to end
    assert not ear.hears_of_what_begins()
    ear.now += 0.02
    ear.executions.read(ear.now)  # what others on this machine began before that is read the second time
    assert ear.executions.wait_seconds() is None
    ear.executions.close()


def test_a_storm_of_executions_ends_the_hearing_for_a_while(new_group):
    ear = Ear(new_group())
    ear.expect()
    subprocess.run(["sh", "-c", "for n in $(seq 120); do /bin/true; done"], check=True)
    ear.executions.read(ear.now)
    ear.executions.read(ear.now)
    ear.now += 1
    ear.expect()
    assert not ear.hears_of_what_begins()
    ear.now += 10
    ear.expect()
    assert ear.hears_of_what_begins()
    ear.executions.close()


class AsBefore(Processes):
    """Shows each process as what it was before it executed something: it gets no processor to begin with."""

    def read(self, pid, pidfd):
        actor = super().read(pid, pidfd)
        return actor and replace(actor, program="sh")


def test_what_has_not_begun_to_be_executed_is_not_called_what_the_process_was_before(new_group):
    ear = Ear(new_group(), AsBefore())
    ear.expect()
    with subprocess.Popen(["sleep", "1000"]) as process:
        ear.executions.read(ear.now)
        ear.now += 0.01
        ear.executions.read(ear.now)
        known = ear.known.recent(process.pid)
        process.kill()
    assert (known.pid, known.program) == (process.pid, "sleep")
    ear.executions.close()


def test_a_service_is_never_said_to_be_asked_for_by_what_was_heard_of_in_between(new_group):
    ear = Ear(new_group())
    ear.expect()
    assert ear.hears_of_what_begins()
    ear.now += 0.1
    ear.executions.read(ear.now)
    assert ear.executions.of("sleep", 0, 1e9) == ()
    ear.executions.close()


def test_what_is_read_only_once_the_process_is_over_is_unknown(folder):
    path = folder.file()
    subprocess.run(["chmod", "600", path], check=True)
    programs, found = folder.said(path)
    assert (programs, found.is_complete) == ([], False)


def test_the_person_is_named_by_the_login_that_sudo_leaves(folder):
    """As pam_loginuid does at a login: root writes it, and what comes of it inherits it, whoever it becomes."""
    path = folder.file()
    script = 'echo 1000 > /proc/self/loginuid; exec "$@"'
    command = ["sh", "-ec", script, "sh", sys.executable, "-c", STAYS, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        _, found = folder.said(path)
        process.kill()
    (seen,) = found.seen
    assert (seen.actor.login_uid, seen.actor.uid, seen.changed_content) == (1000, 0, True)
    assert found.is_complete


RENAMES_ITSELF = "import ctypes\nctypes.CDLL(None).prctl(15, b'innocent', 0, 0, 0)\n"
BECOMES_ANOTHER = "import os, sys\nopen(sys.argv[1], 'a').write('1')\nos.execvp('sh', ['sh', '-c', 'echo; exec sleep 1000'])"


@pytest.mark.parametrize(
    ("script", "called"),
    [(RENAMES_ITSELF + STAYS, "innocent"), (BECOMES_ANOTHER, "sleep")],
    ids=["by prctl", "by exec"],
)
def test_whatever_a_process_calls_itself_it_is_told_with_its_own_login_user_and_number(
    script, called, folder
):
    path = folder.file()
    command = ["sh", "-ec", 'echo 1000 > /proc/self/loginuid; exec "$@"', "sh", sys.executable, "-c", script]
    as_nobody = ["setpriv", "--reuid=65534", "--clear-groups"]
    Path(path).chmod(0o666)
    for directory in (folder.path, *folder.path.parents):
        if directory.stat().st_mode & 0o777 == 0o700:
            directory.chmod(0o711)
    folder.said(path)
    command[4:4] = as_nobody
    with subprocess.Popen([*command, path], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        _, found = folder.said(path)
        process.kill()
    (seen,) = found.seen
    assert seen.actor.program in {called, "sh"}
    assert (seen.actor.pid, seen.actor.login_uid, seen.actor.uid) == (process.pid, 1000, 65534)


def test_a_directory_that_the_kernel_does_not_mark_is_counted_and_says_nothing(tmp_path):
    group = os.memfd_create("it marks nothing")
    folder = Folder(tmp_path, KernelWitnesses(group))
    assert [*folder.witnesses.not_marked] == [str(tmp_path)]
    assert not folder.witnesses.of(f"{tmp_path}/a").is_complete
    folder.witnesses.forget(str(tmp_path))
    assert folder.witnesses.not_marked == {}
    folder.witnesses.close()
    os.close(group)


def test_a_process_that_has_the_number_of_one_that_is_over_is_not_taken_for_it(folder):
    """Two processes one after another with one number, which a namespace of their own lets root give twice."""
    first, second = folder.file("first"), folder.file("second")
    twice = f"""
last=/proc/sys/kernel/ns_last_pid
echo 200 > $last
chmod 600 {first}
echo 200 > $last
{sys.executable} -c "$1" {second}
"""
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", twice, "sh", STAYS]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        programs, found = folder.said(first)
        assert (programs, found.is_complete) == ([], False)
        programs, found = folder.said(second)
        assert (programs, found.is_complete) == (["python3"], True) or programs[0].startswith("python")
        process.kill()


FILL = """
import os, sys
for number in range(int(sys.argv[2])):
    name = f"{sys.argv[1]}{number}"
    os.close(os.open(name, os.O_CREAT))
    os.unlink(name)
"""


def test_a_queue_that_overflows_makes_unknown_whoever_changed_something_then(folder):
    path = folder.file()
    limit = Path("/proc/sys/fs/fanotify/max_queued_events").read_text()
    subprocess.run([sys.executable, "-c", FILL, f"{path}-", str(int(limit) + 1000)], check=True)
    Path(path).chmod(0o600)
    assert not folder.witnesses.of(path).is_complete  # before all of it is read
    for _ in range(int(limit) // 1000):
        folder.witnesses.looking(())
    _, found = folder.said(path)
    assert not found.is_complete
    assert "more happened" in found.missed
    Path(path).chmod(0o644)
    assert folder.said(path)[1].is_complete


def test_a_storm_of_forks_makes_nobody_wrong(new_group, listener, tmp_path):
    folder = Folder(tmp_path, KernelWitnesses(new_group()))
    folder.witnesses.start(listener)
    storm = subprocess.Popen(["sh", "-c", "while :; do /bin/true; done"])
    try:
        outcomes = Counter(_outcome(folder, tool, tmp_path.parent) for tool in ("sed", "cp", "chmod") * 5)
    finally:
        storm.kill()
        storm.wait()
        folder.witnesses.close()
    assert set(outcomes) <= {"right", "unknown"}, outcomes


HAMMER = "while :; do echo 1 > $1/hammered; echo 1 >> $1/hammered; done"
FORKS = "while :; do /bin/true; done"


@pytest.mark.parametrize(
    ("storm", "execs"), [(HAMMER, False), (FORKS, True)], ids=["of writes", "of executions"]
)
def test_in_a_storm_a_thread_that_runs_at_once_leaves_the_processors_to_others(
    storm, execs, new_group, listener, tmp_path
):
    """Its share of a processor is what the kernel counted of it, however crowded the machine is."""
    folder = Folder(tmp_path, KernelWitnesses(new_group(), new_group(), execs=execs))
    folder.witnesses.start(listener)
    os.sched_setscheduler(listener.native_id, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    assert listener.is_at_once
    storms = [subprocess.Popen(["sh", "-c", storm, "sh", tmp_path]) for _ in range(4)]
    try:
        share = _share_of_a_processor(listener, 5)
        folder.said(folder.file())
    finally:
        for one in storms:
            one.kill()
            one.wait()
        folder.witnesses.close()
    print(f"share of a processor: {share:.3f}")  # noqa: T201 - the figure, with `-s`
    assert pace.SHARE / 2 < share < pace.SHARE * 2


def _share_of_a_processor(listener, seconds):
    def used():
        ns, *_ = Path(f"/proc/self/task/{listener.native_id}/schedstat").read_text().split()
        return int(ns) / 1e9

    before, began = used(), time.monotonic()
    time.sleep(seconds)
    return (used() - before) / (time.monotonic() - began)


def test_a_directory_that_is_moved_into_the_tree_was_brought_by_who_moved_it(
    folder, listener, tmp_path_factory
):
    folder.witnesses.start(listener)
    known = [_moved_in(folder, tmp_path_factory.mktemp("source") / f"moved{number}") for number in range(10)]
    assert any(known), "the process was over each time before it was read"


def _moved_in(folder, source):
    """Have mv bring a directory; return whether its file is known to be brought by mv, and nobody else."""
    source.mkdir()
    (source / "a").write_text("1")
    _wait_until_older(source / "a")
    subprocess.run(["mv", source, folder.path], check=True)
    folder.watch(folder.path / source.name)
    programs, found = folder.said(folder.path / source.name / "a")
    assert not found.is_complete or programs == ["mv"]
    return found.is_complete


def _wait_until_older(file):
    """Wait until the file system's clock, which goes in steps, is past a file's time."""
    probe = file.parent.parent / "probe"
    while True:
        probe.write_text("")
        if probe.stat().st_mtime > file.stat().st_ctime:
            return


def test_a_directory_that_left_the_tree_costs_nothing_for_long(folder, listener, tmp_path_factory):
    away = folder.path / "away"
    away.mkdir()
    folder.watch(away)
    target = tmp_path_factory.mktemp("elsewhere") / "away"
    away.rename(target)
    folder.witnesses.forget(str(away))
    folder.witnesses.start(listener)
    for _ in range(3000):
        (target / "a").write_text("1")
        folder.witnesses.looking(())
    path = folder.file()
    Path(path).chmod(0o600)
    _, found = folder.said(path)
    assert [seen.actor.pid for seen in found.seen] == [os.getpid()]


def test_the_self_test_finds_that_we_are_named_and_leaves_nothing_behind(folder, tmp_path):
    place = tmp_path / "run"
    place.mkdir()
    assert find_fault(folder.witnesses, place) == ""
    assert [*place.iterdir()] == []


def test_the_self_test_finds_that_nobody_is_named(new_group, tmp_path):
    witnesses = KernelWitnesses(new_group())
    group = os.memfd_create("no group")
    deaf = KernelWitnesses(group)
    assert "watches no directory" in find_fault(deaf, tmp_path)
    assert "cannot be tried" in find_fault(witnesses, tmp_path / "missing")
    os.close(group)


OVER_THE_LIMIT = """
import ctypes, os, sys
from pathlib import Path
from collectors._origin.kernel_witnesses import KernelWitnesses

NAMES_ONLY = 0x1 | 0x2 | 0x400 | 0x800  # whoever is root in a namespace of his own gets no processes named
Path("/proc/sys/user/max_fanotify_marks").write_text("2")
witnesses = KernelWitnesses(ctypes.CDLL(None).fanotify_init(NAMES_ONLY, os.O_RDONLY))
for name in "abc":
    path = Path(sys.argv[1], name)
    path.mkdir()
    witnesses.watch_directory(str(path), os.open(path, os.O_RDONLY | os.O_DIRECTORY))
print(witnesses.directories, witnesses.not_marked)
"""


@pytest.mark.usefixtures("new_group")
def test_a_directory_over_the_limit_of_marks_is_known_as_one_and_the_others_are_watched(tmp_path):
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", OVER_THE_LIMIT, str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    why = "there are as many marks as fs.fanotify.max_user_marks allows"
    assert said == f"2 {{'{tmp_path}/c': '{why}'}}\n"


def test_it_sleeps_while_nothing_changes(folder, listener):
    folder.witnesses.start(listener)
    folder.said(folder.file())
    status = Path(f"/proc/self/task/{listener.native_id}/status")
    end = time.monotonic() + 30
    while True:  # what it still had to do may come first
        before = status.read_text().split("voluntary_ctxt_switches:")[1]
        time.sleep(0.5)
        if status.read_text().split("voluntary_ctxt_switches:")[1] == before:
            return
        assert time.monotonic() < end, "it wakes up by itself"
