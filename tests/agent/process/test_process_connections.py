"""A crowd at the daemon's socket hinders only itself, and what it sends costs no more than its share of memory."""

import json
import os
import re
import socket
import threading
from pathlib import Path

import pytest
from harness.free_ports import free_port

from agent.cli.daemon_client import ask

MIB = 1024 * 1024
_HELD_UP_SECONDS = 10
"""Far less than a silent connection may keep its place, and far more than a crowded machine takes."""


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
    assert ask(agent.socket, "POST", "/stsAgent/intake", body, timeout_seconds=_HELD_UP_SECONDS).is_ok
    assert ask(agent.socket, "GET", "/status", timeout_seconds=_HELD_UP_SECONDS).is_ok
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


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can become somebody else")
def test_another_user_who_may_post_can_read_how_it_is_and_discard_nothing(agent):
    agent.start()
    agent.socket.chmod(0o666)  # as for a member of the group
    os.seteuid(65534)
    try:
        answers = [
            ask(agent.socket, method, path, body)
            for method, path, body in (
                ("POST", "/stsAgent/intake", b'{"events": {"custom": [{"msg_title": "x"}]}}'),
                ("GET", "/status", b""),
                ("POST", "/rejected/discard", b'{"all": true}'),
                ("POST", "/rejected/retry", b'{"all": true}'),
                ("GET", "/metrics", b""),
            )
        ]
    finally:
        os.seteuid(0)
    assert [answer.status for answer in answers] == [200, 200, 403, 403, 403]
    assert "for root and the user of the service alone" in answers[2].reason
    assert ask(agent.socket, "POST", "/rejected/discard", b'{"all": true}').is_ok


def test_a_port_that_is_taken_hinders_no_start_and_is_opened_when_it_is_free(agent):
    (agent.directory / "token").write_text("secret")
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        listens = {
            "socket": str(agent.socket),
            "http": {"listen": address, "token_file": str(agent.directory / "token")},
        }
        agent.configure(intake=listens)
        agent.start()
        assert agent.status()["listens"]["http"] == {
            "address": address,
            "problem": "Address already in use",
        }
        assert agent.log().count("Address already in use") == 1
    agent.reload()
    assert agent.status()["listens"]["http"] == {"address": address}
    agent.configure(intake={"socket": str(agent.socket)})
    agent.reload()
    assert "http" not in agent.status()["listens"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))


def test_what_listens_is_known_to_status(agent):
    agent.start()
    assert agent.status()["listens"] == {"socket": {"address": str(agent.socket)}}
