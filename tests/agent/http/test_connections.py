"""Who gives way when all places are taken, and that a crowd hinders only itself."""

import json
import socket
import subprocess
import sys
import threading

import pytest

from agent.http import Peer, Response
from agent.http.connections import Connections
from agent.http.limits import Limits
from agent.http.server import Server

GET = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def places():
    """Enter connections of given users at given times; `places(3).enter("a", at=1)` names them for reading."""

    class Places:
        def __init__(self, most: int) -> None:
            self.now = 0.0
            self.connections = Connections(most, monotonic=lambda: self.now)
            self.ends: list[socket.socket] = []

        def enter(self, uid: int, at: float):
            self.now = at
            ours, theirs = socket.socketpair()
            self.ends += [ours, theirs]
            return self.connections.enter(ours, Peer(uid=uid))

        def give_way_at(self, at: float) -> bool:
            self.now = at
            return self.connections.give_way()

    made: list[Places] = []

    def make(most: int) -> Places:
        made.append(Places(most))
        return made[-1]

    yield make
    for one in made:
        for end in one.ends:
            end.close()


def test_the_one_that_waited_longest_of_the_user_with_most_gives_way(places):
    some = places(4)
    other = some.enter(2, at=0)
    first, second, third = (some.enter(1, at=at) for at in (1, 2, 3))
    some.enter(2, at=4)
    assert [one.is_over for one in (other, first, second, third)] == [False, True, False, False]


def test_one_that_is_being_answered_never_gives_way(places):
    some = places(2)
    answered, waiting = some.enter(1, at=0), some.enter(1, at=1)
    assert some.connections.answering(answered)
    some.enter(1, at=2)
    assert [answered.is_over, waiting.is_over] == [False, True]


def test_where_all_of_the_largest_crowd_are_answered_one_of_another_gives_way(places):
    some = places(3)
    for at in (0, 1):
        some.connections.answering(some.enter(1, at=at))
    alone = some.enter(2, at=2)
    some.enter(3, at=3)
    assert alone.is_over


def test_a_request_that_became_whole_too_late_is_not_answered(places):
    some = places(1)
    late = some.enter(1, at=0)
    some.enter(1, at=1)
    assert not some.connections.answering(late)


def test_time_counts_from_the_last_answer(places):
    some = places(2)
    old, new = some.enter(1, at=0), some.enter(1, at=1)
    some.connections.answering(old)
    some.now = 2
    some.connections.waiting(old)
    some.enter(1, at=3)
    assert [old.is_over, new.is_over] == [False, True]


def test_while_all_are_answered_the_next_one_waits_until_one_is_done(places):
    some = places(1)
    busy = some.enter(1, at=0)
    some.connections.answering(busy)
    entered = threading.Event()
    thread = threading.Thread(target=lambda: (some.enter(2, at=1), entered.set()))
    thread.start()
    assert not entered.is_set()
    some.connections.leave(busy)
    assert entered.wait(30)
    thread.join()


def test_one_that_has_only_just_come_is_given_a_moment(places):
    some = places(2)
    new, old = some.enter(1, at=1.99), some.enter(1, at=1)
    some.enter(1, at=2)
    assert [new.is_over, old.is_over] == [False, True]
    assert not some.connections.give_way(lambda place: place is new)


def test_one_that_has_sent_what_is_not_read_yet_is_given_longer(places):
    some = places(2)
    sent = some.enter(1, at=1)
    some.ends[1].sendall(b"GET")
    assert [some.give_way_at(at) for at in (1.5, 2.5)] == [False, True]
    assert sent.is_over


def test_all_of_this_machine_are_one_crowd_on_a_port():
    assert Peer("127.0.0.1").crowd == Peer("127.8.8.8").crowd == Peer("::1").crowd
    assert Peer("10.0.0.1").crowd != Peer("10.0.0.2").crowd


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"G",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\nx",  # refused, and read on from
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
    ],
)
@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_three_hundred_that_say_nothing_or_little_hold_nobody_up(http, kind, said):
    server = getattr(http, kind)(limits=Limits(idle_seconds=1000, request_seconds=1000))
    crowd = [http.client(server).send(said) for _ in range(300)]
    for _ in range(5):
        client = http.client(server)
        # A second, and much room for a crowded machine; a crowd that did not give way would hold it for a thousand.
        client.socket.settimeout(60)
        assert client.send(GET).status() == 200
        client.socket.close()
    assert sum(_is_open(client) for client in crowd) < 64


def _is_open(client) -> bool:
    client.socket.setblocking(False)
    try:
        while client.socket.recv(65536):
            pass  # what it was told before
    except BlockingIOError:
        return True
    except ConnectionResetError:
        pass
    return False


def test_in_a_burst_of_whole_requests_every_one_is_answered(http):
    server = http.unix(limits=Limits(connections=8))
    clients = [http.client(server).send(GET) for _ in range(200)]
    assert [client.status() for client in clients] == [200] * 200


def test_more_than_there_are_places_are_all_answered_though_each_takes_long(http):
    both = threading.Barrier(2)

    def answer(_):
        both.wait(30)
        return Response(200, b"done")

    server = http.unix(answer, Limits(connections=2))
    clients = [http.client(server).send(GET) for _ in range(6)]
    assert [client.answer()[2] for client in clients] == [b"done"] * 6


FEW = """
import resource, socket, sys, logging
logging.basicConfig(level="INFO")
from agent.http import Response
from agent.http.server import serve
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1024)
serve(listener, lambda _: Response(200, b"still here"))
print("ready", flush=True)
sys.stdin.read()
"""


def test_without_descriptors_it_goes_on_and_says_so_once(tmp_path):
    path = str(tmp_path / "few.sock")
    with subprocess.Popen(
        [sys.executable, "-c", FEW, path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout.readline() == "ready\n"
        crowd = []
        for _ in range(60):
            crowd.append(socket.socket(socket.AF_UNIX))
            crowd[-1].connect(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(path)
            client.sendall(GET)
            assert client.recv(1000).endswith(b"still here")
        for one in crowd:
            one.close()
        said = child.communicate()[1]
    assert said.count("Too many open files") == 1


class Unstartable(threading.Thread):
    """A thread that cannot be had the first times, as where the number of tasks is limited."""

    failures = 3

    def start(self) -> None:
        if Unstartable.failures:
            Unstartable.failures -= 1
            raise RuntimeError("can't start new thread")
        super().start()


def test_without_threads_it_tries_again_and_says_so_once(http, caplog):
    server = http.unix(thread=Unstartable)
    assert http.client(server).send(GET).status() == 200
    assert caplog.text.count("can't start new thread") == 1
    assert server.is_alive()


class Aborted(socket.socket):
    """A listener whose clients give up, and whose kernel has no memory, before it has anybody."""

    errors = [ConnectionAbortedError(103, "aborted"), OSError(12, "Cannot allocate memory"), MemoryError()]  # noqa: RUF012

    def accept(self):
        if self.errors:
            raise self.errors.pop(0)
        return super().accept()


def test_whatever_fails_while_accepting_the_next_one_is_accepted(tmp_path):
    listener = Aborted(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    server = Server(listener, lambda request: Response(200, json.dumps(request.path).encode()))
    server.start()
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(tmp_path / "s"))
            client.sendall(GET)
            assert client.recv(1000).endswith(b'"/a"')
    finally:
        server.stop()
