"""Processes outside systemd, watched by an unprivileged collector on a real host."""

import os
import subprocess
from pathlib import Path

import pytest
from harness.watcher import watch

pytestmark = pytest.mark.every_debian

STARTED, STOPPED = "ProcessStartedEvent", "ProcessStoppedEvent"
WORKER = {"name": "worker", "match": {"cmdline": "/bin/sh /opt/worker.sh", "user": "root"}}
"""By its whole command line: a pattern would mean the shells of the test that start it and end it, too."""
TELLS_EXIT = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 15)

MATCHES = """\
processes:
  - {name: by-exe, match: {exe: /opt/job}}
  - {name: by-name, match: {name: "work*"}}
  - {name: by-cmdline, match: {cmdline: "sh -c * --daemon *"}}
  - {name: by-user, match: {name: sleep, user: anna}}
"""

MANY_UNREAPED = """\
import subprocess, time
for number in range(200):
    subprocess.Popen(["/bin/sleep", "1000"])
time.sleep(1000)
"""

FORKS_TWICE = """\
import os
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
for descriptor in range(3):
    os.close(descriptor)
os.execv("/opt/job", ["job", "1000"])
"""

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
"""Where a kernel built for checkpoints lets root choose the next pid of a container."""

_UNIT = """\
[Service]
Type=forking
ExecStart=/bin/sh -c '/opt/worker.sh &'
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture
def off(host):
    watch(host, "processes", WORKER)
    host.write(
        "/opt/worker.sh", "#!/bin/sh\nwhile [ ! -e /run/end ]; do sleep 0.05; done\nexit 3\n", mode=0o755
    )
    return host


@pytest.fixture
def installed(host):
    """Boot a host with the agent as it is installed, and programs that its configuration means."""
    host.write("/etc/sts-agent/conf.d/processes.yaml", MATCHES)
    host.show_every_exe()
    host.boot()
    host.shell("cp /bin/sleep /opt/job; cp /bin/sleep /opt/worker; useradd anna")
    host.wait_until_watching("processes")
    return host


def told(host, count):
    """Wait for so many events of processes, and return (type, name) of each."""
    kinds = {STARTED, STOPPED}
    host.receiver.wait_for(lambda events: sum(e["event_type"] in kinds for e in events) >= count)
    host.catch_up()
    events = [event for event in host.receiver.events if event["event_type"] in kinds]
    return [(event["event_type"], event["context"]["data"]["name"]) for event in events]


def in_background(command):
    return f"{command} >/dev/null 2>&1 </dev/null & echo $!"


def kinds(host):
    return [event["event_type"] for event in host.receiver.events]


def test_another_users_process_is_told_with_its_end(off):
    off.boot()
    with off.running("/opt/worker.sh") as process:
        started = off.receiver.wait_for_event(STARTED, name="worker")
        off.shell("touch /run/end")
        process.wait()
        stopped = off.receiver.wait_for_event(STOPPED, name="worker")
    data = stopped["context"]["data"]
    assert data["pid"] == started["context"]["data"]["pid"]
    if TELLS_EXIT:
        assert data["exit_code"] == 3


def test_a_script_goes_by_its_whole_name_although_the_kernel_cuts_it(host):
    name = "a-worker-of-many-words.sh"
    watch(host, "processes", {"name": "worker", "match": {"name": name}})
    host.write(f"/opt/{name}", "#!/bin/sh\nsleep 1000; exit\n", mode=0o755)
    host.boot()
    with host.running(f"/opt/{name}"):
        host.receiver.wait_for_event(STARTED, name="worker")


def test_a_reboot_is_silent_when_everything_runs_again(off):
    off.write("/etc/systemd/system/legacy.service", _UNIT)
    off.boot()
    off.shell("systemctl enable --quiet --now legacy")
    off.receiver.wait_for_event(STARTED, name="worker")
    off.reboot()
    off.shell("touch /run/end")
    off.receiver.wait_for_event(STOPPED, name="worker")
    assert kinds(off) == [STARTED, STOPPED]


def test_each_pattern_finds_its_process_and_ends_in_quick_succession_are_told_once_each(installed):
    names = ["by-cmdline", "by-exe", "by-name", "by-user"]
    installed.shell(in_background("/opt/job 1000"))
    installed.shell(in_background("/opt/worker 1000"))
    installed.shell(in_background("sh -c 'sleep 1000; : --daemon x'"))
    installed.shell(in_background("runuser -u anna sleep 1000"))
    assert sorted(told(installed, 4)) == [(STARTED, name) for name in names]
    installed.shell(
        "pkill -x job; sleep 0.05; pkill -x worker; pkill -u anna; sleep 0.05; pkill -f -x 'sh -c .*--daemon x'"
    )
    assert sorted(told(installed, 8)[4:]) == [(STOPPED, name) for name in names]
    started = installed.receiver.of_type(STARTED, name="by-user")[0]["context"]["data"]
    assert (started["user"], started["exe"]) == ("anna", "/usr/bin/sleep")
    installed.shell(in_background("/opt/job 1000"))  # what is told after this was not told before
    assert told(installed, 9)[8:] == [(STARTED, "by-exe")]


def test_a_process_that_becomes_another_program_and_a_daemon_that_forks_twice_are_one_each(installed):
    pid = int(
        installed.shell(
            in_background("sh -c 'until [ -e /root/go ]; do sleep 0.1; done; exec /opt/job 1000'")
        )
    )
    assert told(installed, 0) == []
    installed.shell("touch /root/go")
    assert told(installed, 1) == [(STARTED, "by-exe")]
    assert installed.receiver.of_type(STARTED)[0]["context"]["data"]["pid"] == pid
    installed.run("kill", "-9", str(pid))
    assert told(installed, 2)[1:] == [(STOPPED, "by-exe")]
    installed.run("python3", "-c", FORKS_TWICE)
    assert told(installed, 3)[2:] == [(STARTED, "by-exe")]
    daemon = int(installed.run("pgrep", "-x", "job").stdout)
    assert installed.receiver.of_type(STARTED)[1]["context"]["data"]["pid"] == daemon
    installed.run("kill", str(daemon))
    assert told(installed, 4)[3:] == [(STOPPED, "by-exe")]


@pytest.mark.skipif(
    not LAST_PID.exists(), reason="this kernel lets nobody choose a pid (CONFIG_CHECKPOINT_RESTORE)"
)
def test_a_pid_that_is_used_again_is_another_process(installed):
    first = int(installed.shell(in_background("/opt/job 1000")))
    told(installed, 1)
    installed.run("systemctl", "stop", "sts-agent")
    installed.run("pkill", "-x", "job")
    enter = ["nsenter", f"--target={installed.leader}", "--pid", "sh", "-c"]
    second = 0
    while second != first:
        installed.shell("pkill -x job || true")
        subprocess.run([*enter, f"echo {first - 2} > {LAST_PID}"], check=True)
        second = int(installed.shell(in_background("/opt/job 1000")))
    installed.run("systemctl", "start", "sts-agent")
    assert told(installed, 3) == [(STARTED, "by-exe"), (STOPPED, "by-exe"), (STARTED, "by-exe")]
    events = [
        event["context"] for event in installed.receiver.events if event["source_type_name"] == "process"
    ]
    assert [context["data"]["pid"] for context in events] == [first] * 3
    assert len({context["source_identifier"] for context in events}) == 3
    assert all(context["data"]["while_agent_down"] for context in events[1:])


def test_two_hundred_processes_that_end_at_once_and_are_never_reaped_are_told_at_once(installed):
    installed.write(
        "/etc/sts-agent/conf.d/many.yaml", "processes: [{name: many, match: {name: sleep, user: root}}]\n"
    )
    installed.reload()
    installed.wait_until_watching("processes")
    with installed.running("python3", "-c", MANY_UNREAPED):
        assert told(installed, 200) == [(STARTED, "many")] * 200
        ended = float(installed.shell("pkill -x sleep; date +%s.%N"))
        installed.receiver.wait_for(lambda _: len(installed.receiver.of_type(STOPPED)) == 200)
    assert told(installed, 400)[200:] == [(STOPPED, "many")] * 200
    pids = {event["context"]["data"]["pid"] for event in installed.receiver.of_type(STOPPED)}
    assert len(pids) == 200
    assert all(abs(event["timestamp"] - ended) < 30 for event in installed.receiver.of_type(STOPPED))
