"""The socket and the ports: who may, what is there before and after, and what is never taken away."""

import contextlib
import os
import socket
import stat

import pytest
from harness.free_ports import free_port

from agent.cli.daemon_client import NotAnsweringError, ask
from agent.http import Response
from agent.intake.listeners import PortListener, SocketListener


def fine(_) -> Response:
    return Response(200, b"fine")


@pytest.fixture
def start():
    """Start a listener, and stop it at the end."""
    with contextlib.ExitStack() as ends:

        def begin(listener):
            listener.start()
            ends.callback(listener.stop)
            return listener

        yield begin


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "intake.sock"


def test_the_socket_is_for_the_owner_and_the_group(start, path):
    start(SocketListener(path, fine))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert [one.name for one in path.parent.iterdir()] == ["intake.sock"]


def test_a_socket_that_was_left_is_taken_over(start, path):
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    start(SocketListener(path, fine))
    assert ask(path, "GET", "/").is_ok


def test_a_socket_that_answers_is_not_taken_away(start, path):
    start(SocketListener(path, fine))
    with pytest.raises(OSError, match="another program listens there"):
        SocketListener(path, lambda _: Response(500)).start()
    assert ask(path, "GET", "/").is_ok


def test_where_no_socket_can_be_made_nothing_is_left(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|directory"):
        SocketListener(tmp_path / "file" / "s", fine).start()


def test_after_the_end_nobody_answers_and_the_socket_is_gone(start, path):
    start(SocketListener(path, fine)).stop()
    assert not path.exists()
    with pytest.raises(NotAnsweringError):
        ask(path, "GET", "/")


def test_the_socket_of_whoever_came_after_is_left_alone(start, path):
    first = start(SocketListener(path, fine))
    path.unlink()
    start(SocketListener(path, fine))
    first.stop()
    assert ask(path, "GET", "/").is_ok


def test_who_connects_is_logged_once(start, path, caplog):
    start(SocketListener(path, fine))
    with caplog.at_level("INFO"):
        for _ in range(3):
            ask(path, "GET", "/")
    assert caplog.text.count(f"uid {os.getuid()}, pid {os.getpid()}") == 1


def test_a_port_answers_and_can_be_taken_again_at_once(start):
    port = free_port()
    for _ in range(2):
        listener = start(PortListener(f"127.0.0.1:{port}", fine))
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(1000).endswith(b"fine")
        assert listener.is_alive()
        listener.stop()
        assert not listener.is_alive()
