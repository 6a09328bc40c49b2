"""What is done to the agent on purpose, where it counts: the service as installed, under its unit, on each Debian."""

import contextlib
import json
import os
import socket

import pytest
from harness.files import CHANGED, sha256

from agent.cli.daemon_client import ask

pytestmark = pytest.mark.every_debian

UNIT = "sts-agent.service"
SPOOL = "/var/lib/sts-agent"
SOCKET = "/run/sts-agent/intake.sock"
WATCH = "files:\n  - paths: ['/etc/app/**']\n"
DEEP = '{"events":{"a":[{"msg_title":"x","context":{"data":%s}}]}}' % ('{"a":' * 2000 + "1" + "}" * 2000)
LEAF_OF_A_TABLE = 13
"""The first byte of such a page, in SQLite's format."""
BEGAN = b"POST /stsAgent/intake HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{"


@pytest.fixture
def off(host):
    """Give a host a spool of 8 MiB on a disk of its own, and a directory to watch."""
    host.configure("spool: {max_size: 8MiB}\n")
    host.write("/etc/sts-agent/conf.d/app.yaml", WATCH)
    host.write("/etc/app/neighbour", "old\n")
    host.write("/etc/fstab", f"tmpfs {SPOOL} tmpfs size=24m,nr_inodes=400,mode=0710 0 0\n")
    return host


@pytest.fixture
def running(off):
    off.boot()
    off.wait_until_watching("files")
    yield off
    assert "Main process exited" not in off.journal(UNIT), "it ended without being asked to"
    assert not any(one.get("restarts") for one in status(off)["collectors"].values())


def status(host):
    return json.loads(host.agent("status", "--json").stdout)


def restart(host):
    host.run("systemctl", "restart", UNIT)
    host.wait_until_watching("files", "packages", "services")


def sees(host, text):
    """Change a file, send an event, and wait until both have come."""
    host.write("/etc/app/neighbour", text)
    host.receiver.wait_for_event(CHANGED, new_sha256=sha256(text))
    host.catch_up()


def post(host, body, path="/stsAgent/intake"):
    return ask(host.path(SOCKET), "POST", path, body, timeout_seconds=60)


def test_what_lies_in_incoming_hinders_neither_what_lies_beside_it_nor_a_start(running):
    place = running.path(f"{SPOOL}/incoming")
    for when in ("beside the daemon", "before a start"):
        if when == "before a start":
            running.run("systemctl", "stop", UNIT)
        (place / ".deep").write_text(DEEP)
        (place / ".deep").rename(place / "0-deep")
        (place / f"1-directory {when}/below").mkdir(parents=True)  # root's, which the service cannot move
        (place / f"2-link {when}").symlink_to("/etc/shadow")
        (place / "3-nothing").write_bytes(b"")
        running.agent("event", "send", "LeftEvent", "--title", when)
        if when == "before a start":
            running.run("systemctl", "start", UNIT)
            running.wait_until_watching("files", "packages", "services")
        running.receiver.wait_for(lambda _, when=when: when in titles(running, "LeftEvent"))
        sees(running, f"{when}\n")
    assert all(path.is_dir() for path in place.iterdir())
    told = running.receiver.of_type("WatchDegradedEvent")
    assert [event["context"]["data"]["path"] for event in told] == ["incoming/0-deep"] * 2, (
        "once by each daemon"
    )
    assert titles(running, "LeftEvent") == ["beside the daemon", "before a start"]


def titles(host, event_type):
    return [event["msg_title"] for event in host.receiver.of_type(event_type)]


def test_hundreds_of_connections_that_stop_in_the_middle_hold_up_nobody(running):
    with contextlib.ExitStack() as crowd:
        for said in (b"", BEGAN):
            for _ in range(300):
                one = crowd.enter_context(socket.socket(socket.AF_UNIX))
                one.connect(str(running.path(SOCKET)))
                with contextlib.suppress(OSError):
                    one.sendall(said)
            sent = running.agent("event", "send", "CrowdEvent", "--title", "x", "--json")
            assert json.loads(sent.stdout)["kept_by"] == "daemon"
            assert status(running)["no_answer"] == ""


def test_bodies_of_a_mebibyte_at_once_cost_the_memory_of_few(running):
    body = b'{"events":{"custom":[' + (b'{"msg_title":"x"},' * 55_000)[:-1] + b"]}}"
    script = (
        "import threading\nfrom pathlib import Path\nfrom agent.cli.daemon_client import ask\n"
        f"body = Path('/root/body').read_bytes()\n"
        f"post = lambda: ask(Path('{SOCKET}'), 'POST', '/stsAgent/intake', body, timeout_seconds=50)\n"
        "threads = [threading.Thread(target=post) for _ in range(16)]\n"
        "[one.start() for one in threads]; [one.join() for one in threads]\n"
    )
    running.path("/root/body").write_bytes(body)
    running.python(script)
    running.write("/etc/app/neighbour", "new\n")
    running.wait_in_log(CHANGED)
    proc = running.read(f"/proc/{running.property(UNIT, 'MainPID')}/status")
    peak_kib = int(proc.partition("VmHWM:")[2].split()[0])
    assert peak_kib < 250 * 1024


def test_a_flood_of_the_smallest_events_pushes_out_nothing_of_what_the_host_saw(running):
    running.receiver.go_away()
    for number in range(20):
        running.write(
            f"/etc/app/seen-{number}", "seen\n"
        )  # one path that keeps changing would settle ever longer
        running.wait_in_log(CHANGED, number + 1)
    answers = [
        post(running, b'{"events":{"n%d":[{"msg_title":"x"}]}}' % number).status for number in range(50)
    ]
    flood = b'{"events":{%s}}' % b",".join(b'"n%d":[{"msg_title":"x"}]' % number for number in range(2000))
    while answers[-1] == 200:
        answers.append(post(running, flood).status)
    assert answers[-1] in {429, 507}
    running.receiver.come_back()
    running.reload()
    running.receiver.wait_for(lambda _: len(running.receiver.of_type(CHANGED)) >= 20)
    assert not running.receiver.of_type("EventsDroppedEvent")


def test_without_descriptors_or_threads_it_waits_and_tells_all_that_was_missed_at_once(running):
    for lack in ("--nofile=16:", "--nproc=1:"):
        pid = running.property(UNIT, "MainPID")
        running.run("prlimit", f"--pid={pid}", lack, user="sts-agent")
        with contextlib.ExitStack() as crowd:
            for _ in range(100):
                one = crowd.enter_context(socket.socket(socket.AF_UNIX))
                one.setblocking(False)
                with contextlib.suppress(OSError):
                    one.connect(str(running.path(SOCKET)))
            running.write("/etc/app/neighbour", f"missed {lack}\n")
        running.run("prlimit", f"--pid={pid}", "--nofile=1024:", "--nproc=4096:", user="sts-agent")
        sees(running, f"after {lack}\n")
        running.agent("event", "send", "AfterEvent", f"--title=after {lack}")
        running.receiver.wait_for(lambda _, lack=lack: f"after {lack}" in titles(running, "AfterEvent"))


def test_a_disk_that_somebody_fills_with_bytes_or_names_ends_nothing_and_what_was_accepted_arrives_or_is_counted(
    running,
):
    running.receiver.go_away()
    accepted = 0
    for fill in (
        f"dd if=/dev/zero of={SPOOL}/filler bs=4k status=none || true",
        f"for number in $(seq 1000); do touch {SPOOL}/filler-$number || break; done 2>&1",  # no inodes left
    ):
        running.shell(fill)
        for number in range(10):
            sent = running.agent("event", "send", "FullEvent", "--title", f"{fill} {number}", check=False)
            assert sent.returncode in {0, 1}, sent
            accepted += sent.returncode == 0
        running.shell(f"rm {SPOOL}/filler*")
    running.receiver.come_back()
    sees(running, "afterwards\n")
    restart(running)
    running.catch_up()
    dropped = sum(
        event["context"]["data"]["count"] for event in running.receiver.of_type("EventsDroppedEvent")
    )
    arrived = len(set(titles(running, "FullEvent")))
    assert arrived <= accepted <= arrived + dropped


def test_damage_that_a_running_agent_finds_is_told_at_once_and_log_and_status_read_on(running):
    running.receiver.go_away()
    for number in range(40):
        running.agent("event", "send", "CountEvent", "--title", f"{number}", "--text", f"{number} " * 1000)
    running.run(
        "systemctl", "stop", UNIT
    )  # it reads what waits when the receiver is back, and nothing before
    path = running.path(f"{SPOOL}/spool.db")
    data = path.read_bytes()
    leaves = (at for at in range(4096, len(data), 4096) if data[at] == LEAF_OF_A_TABLE)
    page = next(at for at in leaves if b"CountEvent" in data[at : at + 4096])
    with path.open("r+b") as database:
        database.seek(page)
        database.write(os.urandom(4096))
    assert "CountEvent" in running.agent("log", "-n", "100").stdout
    running.run("systemctl", "start", UNIT)
    running.receiver.come_back()
    running.receiver.wait_for_event("SpoolRecoveredEvent")
    sees(running, "afterwards\n")
    found = status(running)
    assert any("damaged" in reason for reason in found["action_needed"])
    assert "CountEvent" in running.agent("log", "-n", "100").stdout


def test_a_destination_that_is_dead_delays_no_other(off):
    off.configure(
        "  dead:\n    type: stackstate\n    url: http://127.0.0.1:9/stsAgent\n    api_key: x\n"
        "spool: {max_size: 8MiB}\n"
    )
    off.boot()
    off.wait_until_watching("files")
    for number in range(5):
        sees(off, f"{number}\n")
    found = status(off)["destinations"]
    assert found["dead"]["waiting_events"] > 0
    assert found["dead"]["delivered"] == 0
