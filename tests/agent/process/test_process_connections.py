"""A crowd at the daemon's socket hinders only itself, and what it sends costs no more than its share of memory."""

import json
import re
import socket
import threading
from pathlib import Path

import pytest

from agent.cli.ask import ask

MIB = 1024 * 1024


@pytest.fixture
def crowd(agent):
    """Connect many times and say so much."""
    connected: list[socket.socket] = []

    def come(said: bytes) -> None:
        for _ in range(300):
            connected.append(socket.socket(socket.AF_UNIX))
            connected[-1].connect(str(agent.socket))
            connected[-1].sendall(said)

    yield come
    for one in connected:
        one.close()


@pytest.mark.parametrize(
    "said", [b"", b"POST /stsAgent/intake HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{"]
)
def test_three_hundred_silent_or_dripping_connections_hold_up_neither_a_post_nor_status(agent, crowd, said):
    agent.start()
    crowd(said)
    body = b'{"events": {"custom": [{"msg_title": "x"}]}}'
    assert ask(agent.socket, "POST", "/stsAgent/intake", body, timeout_seconds=1).is_ok
    assert ask(agent.socket, "GET", "/status", timeout_seconds=1).is_ok
    assert (
        json.loads(agent.command("event", "send", "X", "--title", "y", "--json").stdout)["kept_by"]
        == "daemon"
    )


def test_large_posts_at_once_are_all_kept_and_cost_the_memory_of_few(agent):
    agent.start()
    one = b'{"msg_title":"x"},'
    body = b'{"events": {"custom": [' + (one * (MIB // 2 // len(one)))[:-1] + b"]}}"
    statuses: list[int] = []

    def post() -> None:
        reply = ask(agent.socket, "POST", "/stsAgent/intake", body, timeout_seconds=120)
        statuses.append(reply.status)

    threads = [threading.Thread(target=post) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{agent.process.pid}/status").read_text())[1])
    assert peak < 250 * 1024, f"{peak} KiB"


def test_what_listens_is_known_to_status(agent):
    agent.start()
    assert agent.status()["listens"] == {"socket": {"address": str(agent.socket)}}
