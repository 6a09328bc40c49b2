"""Who changed a file, where the kernel names the process: a person, a service and its timer, a package; on each Debian."""

import pytest
from harness.files import CHANGED, Files

pytestmark = pytest.mark.every_debian

ALLOWED = ("--system-call-filter=fanotify_init fanotify_mark",)
"""What systemd-nspawn has to be told to let a host have fanotify, as a machine of its own has."""
WRITER = "import sys, time\nopen(sys.argv[1], 'a').write('new\\n')\ntime.sleep(2)\n"
"""It is still there when the kernel's word of it is read, also on a crowded machine."""


@pytest.fixture
def files(host):
    files = Files(host)
    host.write("/root/write", WRITER)
    host.prepare("useradd", "--create-home", "--shell", "/bin/bash", "alice")
    host.prepare("chmod", "0755", "/root")
    host.write("/etc/app/person", "old\n")
    host.prepare("chown", "alice", "/etc/app/person")
    for name in ("service", "timer", "packaged"):
        host.write(f"/etc/app/{name}", "old\n")
    files.boot(options=ALLOWED)
    return files


def changed(files, name):
    event = files.host.receiver.wait_for_event(CHANGED, path=f"/etc/app/{name}")
    return {key: value for key, value in event["context"]["data"].items() if key.startswith("origin")}


def test_a_person_a_service_a_timer_and_nobody_known_are_told_apart(files):
    host = files.host
    with host.running("script", "-qc", "exec login -f alice", "/dev/null") as terminal:
        said = ""
        while not said.endswith("$ "):
            said += terminal.stdout.read(1)
        terminal.stdin.write("python3 /root/write /etc/app/person; exit\n")
        terminal.stdin.flush()
        person = changed(files, "person")
    assert (person["origin"], person["origin_how"]) == ("person", "process,session")
    assert (person["origin_login_user"], person["origin_user"]) == ("alice", "alice")
    assert person["origin_program"].startswith("python3")
    assert person["origin_unit"].startswith("session-")
    assert person["origin_name"].startswith("alice on pts/")

    for name in ("service", "timer"):
        command = f"ExecStart=/usr/bin/python3 /root/write /etc/app/{name}\n"
        host.write(f"/etc/systemd/system/edit-{name}.service", f"[Service]\n{command}")
    host.write("/etc/systemd/system/edit-timer.timer", "[Timer]\nOnActiveSec=1ms\nAccuracySec=1ms\n")
    host.shell("systemctl daemon-reload; systemctl start edit-service.service edit-timer.timer")
    service, timer = changed(files, "service"), changed(files, "timer")
    assert (service["origin"], service["origin_unit"]) == ("service", "edit-service.service")
    assert (timer["origin"], timer["origin_unit"]) == ("timer", "edit-timer.timer")
    assert not {"origin_login_user"} & {*service, *timer}
