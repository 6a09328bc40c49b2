"""What the unit's MemoryMax and TasksMax do: they bite, the agent lives within them, and is no wreck where they are too tight."""

import contextlib
import json
import os
import socket
import threading

import pytest
from harness.files import CHANGED, sha256
from harness.limits import UNIT, enforced

from agent.cli.daemon_client import ask

pytestmark = pytest.mark.every_debian

SOCKET = "/run/sts-agent/intake.sock"
MIB = 1024 * 1024
TOO_MUCH = "x = bytearray(600 << 20)"
TOO_MANY = "i=0; while [ $i -lt 600 ]; do sleep 5 & i=$((i+1)); done"


@pytest.fixture
def limited(host):
    """Give a host that is up, whose agent runs within its unit's limits and watches a directory."""
    host.write("/etc/sts-agent/conf.d/app.yaml", "files:\n  - paths: ['/etc/app/**']\n")
    host.write("/etc/app/neighbour", "old\n")
    host.mask_agent()
    host.boot()
    with enforced(host) as limits:
        host.wait_until_watching("files")
        yield host, limits


def pid(host):
    return host.property(UNIT, "MainPID")


def sees(host, text):
    host.write("/etc/app/neighbour", text)
    host.receiver.wait_for_event(CHANGED, new_sha256=sha256(text))
    host.catch_up()


def post_at_once(host, bodies):
    def post(body):
        with contextlib.suppress(Exception):
            ask(host.path(SOCKET), "POST", "/stsAgent/intake", body, timeout_seconds=50)

    threads = [threading.Thread(target=post, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def body_of(events):
    return json.dumps({"events": {"custom": events}}).encode()


def test_its_limits_bite_the_agent_lives_within_them_and_where_they_are_too_tight_it_comes_back(limited):
    host, limits = limited
    assert limits.inside(f"exec /usr/bin/python3 -c '{TOO_MUCH}'") != 0
    assert limits.kills() == 1
    limits.inside(TOO_MANY)
    assert int(limits.read("pids.events").split()[1]) > 0

    host.receiver.go_away()
    small = body_of([{"msg_title": "x"}] * 55_000)
    large = [body_of([{"msg_title": "x", "msg_text": os.urandom(450_000).hex()}]) for _ in range(24)]
    post_at_once(host, [small] * 16)
    post_at_once(host, large)
    for number in range(8):
        host.path(f"/etc/app/large-{number}").write_bytes(os.urandom(MIB) * 24)
    with contextlib.ExitStack() as crowd:
        for _ in range(600):
            one = crowd.enter_context(socket.socket(socket.AF_UNIX))
            one.setblocking(False)
            with contextlib.suppress(OSError):
                one.connect(str(host.path(SOCKET)))
        host.write("/etc/app/neighbour", "beside a crowd\n")
        host.wait_in_log(CHANGED)
    host.run("systemctl", "restart", UNIT)
    started = pid(host)
    host.receiver.come_back()
    sees(host, "after the attacks\n")
    assert (limits.kills(), pid(host)) == (1, started)
    assert int(limits.read("memory.max_usage_in_bytes")) <= 512 * MIB

    limits.write("pids.max", limits.read("pids.current"))
    host.write("/etc/app/neighbour", "no thread is to be had\n")
    limits.write("pids.max", "512")
    sees(host, "threads are to be had\n")
    assert pid(host) == started

    host.agent("event", "send", "KeptEvent", "--title", "before it was killed")
    limits.write("memory.limit_in_bytes", str(limits.resident() + 4 * MIB))
    post_at_once(host, [small] * 16)
    assert limits.kills() > 1
    limits.write("memory.limit_in_bytes", str(512 * MIB))
    sees(host, "there is memory again\n")
    assert [event["msg_title"] for event in host.receiver.of_type("KeptEvent")] == ["before it was killed"]
