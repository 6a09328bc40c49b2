"""Processes outside systemd, watched by an unprivileged collector on a real host."""

import os

import pytest
from harness.watcher import watch

STARTED, STOPPED = "ProcessStartedEvent", "ProcessStoppedEvent"
WORKER = {"name": "worker", "match": {"cmdline": "*worker.sh*", "user": "root"}}
TELLS_EXIT = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 15)

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


def test_a_reboot_is_silent_when_everything_runs_again(off):
    off.write("/etc/systemd/system/legacy.service", _UNIT)
    off.boot()
    off.shell("systemctl enable --quiet --now legacy")
    off.receiver.wait_for_event(STARTED, name="worker")
    off.reboot()
    off.shell("touch /run/end")
    off.receiver.wait_for_event(STOPPED, name="worker")
    assert kinds(off) == [STARTED, STOPPED]
