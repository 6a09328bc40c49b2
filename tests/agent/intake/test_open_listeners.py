"""What is listened on follows the configuration; an address that is taken is told once and tried again."""

import socket

import pytest
from harness.free_ports import free_port

from agent.http import Response
from agent.intake.listeners import PortListener
from agent.intake.open_listeners import Listening, OpenListeners, Wanted


@pytest.fixture
def listeners():
    one = OpenListeners()
    yield one
    one.stop()


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", free_port())) as other:
        yield other


def port(name: str, number: int, said: bytes = b"fine", token: str = "") -> Wanted:
    address = f"127.0.0.1:{number}"
    return Wanted(name, (address, token), lambda: PortListener(address, lambda _: Response(200, said)))


def says(number: int) -> bytes:
    with socket.create_connection(("127.0.0.1", number), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return client.makefile("rb").read().rpartition(b"\r\n\r\n")[2]


def test_what_is_configured_is_opened_and_what_is_not_any_more_is_closed(listeners):
    first, second = free_port(), free_port()
    listeners.reconfigure([port("http", first)])
    assert says(first) == b"fine"
    listeners.reconfigure([port("sensu.api", second)])
    assert says(second) == b"fine"
    with pytest.raises(ConnectionRefusedError):
        says(first)
    assert listeners.states() == {"sensu.api": Listening(f"127.0.0.1:{second}")}


def test_what_stays_as_it_is_keeps_its_connections(listeners):
    number = free_port()
    listeners.reconfigure([port("http", number)])
    with socket.create_connection(("127.0.0.1", number), timeout=30) as client:
        for _ in range(2):
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(1000).endswith(b"fine")
            listeners.reconfigure([port("http", number)])


def test_what_changes_in_anything_is_opened_anew(listeners):
    number = free_port()
    listeners.reconfigure([port("http", number)])
    listeners.reconfigure([port("http", number, b"anew", token="another")])
    assert says(number) == b"anew"


def test_a_port_that_is_taken_is_one_line_in_the_log_and_is_tried_again(listeners, taken, caplog):
    number, other = taken.getsockname()[1], free_port()
    listeners.reconfigure([port("http", number), port("sensu.api", other)])
    listeners.try_again()
    assert says(other) == b"fine"
    assert listeners.states()["http"].problem == "Address already in use"
    assert listeners.has_problems
    assert listeners.is_alive()
    assert caplog.text.count("Address already in use") == 1
    taken.close()
    listeners.try_again()
    assert says(number) == b"fine"
    assert not listeners.has_problems


def test_what_has_ended_by_itself_is_seen(listeners):
    ended = PortListener(f"127.0.0.1:{free_port()}", lambda _: Response())
    listeners.reconfigure([Wanted("http", 1, lambda: ended)])
    assert listeners.is_alive()
    ended.stop()
    assert not listeners.is_alive()
