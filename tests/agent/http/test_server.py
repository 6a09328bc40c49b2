"""One server on a socket or a port: what it answers, how it streams, how it ends."""

import contextlib
import gzip
import os
import ssl
import threading
import time
from pathlib import Path

import pytest

from agent.http import Response
from agent.http.limits import Limits

GET = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(body: bytes, *lines: bytes) -> bytes:
    head = (b"POST / HTTP/1.1", b"Host: localhost", b"Content-Length: %d" % len(body), *lines)
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@pytest.fixture(params=["unix", "tcp"])
def start(http, request):
    return getattr(http, request.param)


def test_a_connection_serves_one_request_after_the_other(http, start):
    client = http.client(start())
    assert client.send(GET).answer()[2] == b"/a"
    assert client.send(post(b"x" * 300_000)).answer()[2] == b"x" * 300_000
    assert client.send(GET + GET).answer()[2] == client.answer()[2] == b"/a"


def test_an_answer_is_written_whole(http, start):
    server = start(lambda _: Response(429, b"later\n", "text/plain", (("Retry-After", "3"),)))
    assert http.client(server).send(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    ).rest() == (
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nRetry-After: 3\r\n"
        b"Content-Length: 6\r\nConnection: close\r\n\r\nlater\n"
    )


def test_who_is_on_the_other_end_of_a_socket_is_what_the_kernel_says(http):
    peers = []
    server = http.unix(lambda request: peers.append(request.peer) or Response())
    http.client(server).send(GET).answer()
    (peer,) = peers
    assert (peer.uid, peer.gid, peer.pid, peer.address) == (os.getuid(), os.getgid(), os.getpid(), "")


def test_who_is_on_the_other_end_of_a_port_is_an_address(http):
    peers = []
    server = http.tcp(lambda request: peers.append(request.peer) or Response())
    http.client(server).send(GET).answer()
    assert (peers[0].address, peers[0].uid) == ("127.0.0.1", None)


def test_a_head_request_gets_the_head_of_the_answer_and_no_body(http, start):
    client = http.client(start())
    client.send(b"HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.socket.recv(1)
    assert b"Content-Length: 2\r\n" in head
    assert client.send(GET).answer()[2] == b"/a"


def test_a_streamed_body_is_sent_as_it_comes(http, start):
    go_on = threading.Event()

    def pieces():
        yield b"first"
        yield b""
        go_on.wait(30)
        yield b"second"

    client = http.client(start(lambda _: Response(200, pieces())))
    client.send(GET)
    received = b""
    while not received.endswith(b"5\r\nfirst\r\n"):
        received += client.socket.recv(1)
    go_on.set()
    rest = b""
    while not rest.endswith(b"0\r\n\r\n"):
        rest += client.socket.recv(100)
    assert rest == b"6\r\nsecond\r\n0\r\n\r\n"
    assert b"Transfer-Encoding: chunked" in received


def test_a_streamed_body_ends_with_the_connection_where_chunks_are_not_known(http, start):
    answer = (
        http.client(start(lambda _: Response(200, iter([b"a", b"b"])))).send(b"GET / HTTP/1.0\r\n\r\n").rest()
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"ab"
    assert b"chunked" not in head
    assert b"Connection: close" in head


def test_a_streamed_body_that_fails_never_looks_whole_and_is_closed(http, start, caplog):
    closed = []

    def pieces():
        try:
            yield b"half"
            raise ValueError("the other half is gone")
        finally:
            closed.append(True)

    answer = http.client(start(lambda _: Response(200, pieces()))).send(GET).rest()
    assert answer.endswith(b"4\r\nhalf\r\n")
    assert closed == [True]
    assert "the other half is gone" in caplog.text


def test_a_streamed_body_that_nobody_wants_is_closed(http, start):
    closed = threading.Event()

    def pieces():
        try:
            yield b"x"
        finally:
            closed.set()

    started = pieces()
    next(started)
    client = http.client(start(lambda _: Response(200, started)))
    client.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert closed.wait(30)


def test_a_request_that_cannot_be_answered_is_500_and_logged(http, start, caplog):
    def answer(_):
        raise ValueError("broken on purpose")

    client = http.client(start(answer))
    assert client.send(GET).status() == 500
    assert "broken on purpose" in caplog.text


def test_an_answer_that_would_forge_a_header_is_not_sent(http, start, caplog):
    client = http.client(start(lambda _: Response(200, b"", "text/plain", (("X", "a\r\nEvil: b"),))))
    assert client.send(GET).rest() == b""
    assert "end of a line" in caplog.text


def test_a_connection_can_be_ended_without_an_answer(http, start):
    assert http.client(start(lambda _: None)).send(GET).rest() == b""


def test_a_compressed_body_is_decoded_and_can_be_had_as_it_came(http, start):
    body = gzip.compress(b"hello")
    request = post(body, b"Content-Encoding: gzip")
    assert http.client(start()).send(request).answer()[2] == b"hello"
    assert http.client(start(limits=Limits(decode=False))).send(request).answer()[2] == body


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (post(b"x", b"Content-Encoding: br"), 415),
        (post(b"x", b"Content-Encoding: gzip"), 400),
        (post(gzip.compress(bytes(3000)), b"Content-Encoding: gzip"), 413),
        (post(bytes(3_000_000)), 413),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000, 431),
    ],
)
def test_who_is_refused_hears_it_though_he_had_more_to_say(http, start, request_, status):
    client = http.client(start(limits=Limits(body_bytes=2000)))
    sending = threading.Thread(target=lambda: _quietly(client, request_))
    sending.start()
    assert client.rest().startswith(b"HTTP/1.1 %d " % status)
    sending.join()


def _quietly(client, data: bytes) -> None:
    with contextlib.suppress(OSError):  # the answer came first, and the end with it
        client.send(data)


def test_a_refusal_can_have_another_shape(http, start):
    refuse = lambda refusal: Response(refusal.status, b"{}", headers=(("X-Path", refusal.request.path),))  # noqa: E731
    client = http.client(start(limits=Limits(body_bytes=1), refuse=refuse))
    status, headers, body = client.send(
        b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"
    ).answer()
    assert (status, headers["X-Path"], body) == (413, "/a", b"{}")


def test_whoever_waits_to_be_asked_for_the_body_is_asked(http, start):
    client = http.client(start())
    client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        asked += client.socket.recv(1)
    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert client.send(b"ok").answer()[2] == b"ok"


@pytest.mark.parametrize(
    "half", [b"GET / HT", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"]
)
def test_a_request_that_stops_in_the_middle_is_refused_in_time(http, start, half):
    client = http.client(start(limits=Limits(request_seconds=0.05)))
    assert client.send(half).rest().startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "begun", [b"GET /", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n"]
)
def test_a_request_that_goes_on_byte_by_byte_ends_in_time_too(http, start, begun):
    client = http.client(start(limits=Limits(request_seconds=0.2))).send(begun)
    dripping = threading.Thread(target=lambda: _drip(client))
    dripping.start()
    assert client.rest().startswith(b"HTTP/1.1 408 ")
    client.socket.close()
    dripping.join()


def _drip(client) -> None:
    stop = threading.Event()
    with contextlib.suppress(OSError):  # as it should be
        for _ in range(10_000):
            client.send(b"x")
            stop.wait(0.01)


def test_nothing_is_answered_to_a_request_that_ends_in_the_middle(http, start):
    asked = []
    server = start(lambda request: asked.append(request) or Response())
    client = http.client(server).send(post(b"whole")[:-1])
    client.socket.shutdown(1)
    assert client.rest().startswith(b"HTTP/1.1 408 ")
    assert asked == []


@pytest.mark.parametrize("silent", [b"", b"\r\n", GET])
def test_a_client_that_says_nothing_more_is_let_go(http, start, silent):
    client = http.client(start(limits=Limits(idle_seconds=0.05)))
    _quietly(client, silent)  # on a crowded machine it is let go before that
    assert client.rest() in (b"", *([] if silent != GET else [_whole_echo()]))


def test_a_connection_waits_as_long_as_it_may_where_a_request_may_take_less(http, start):
    before = time.monotonic()
    assert http.client(start(limits=Limits(idle_seconds=0.25, request_seconds=0.1))).rest() == b""
    assert time.monotonic() - before >= 0.25


def _whole_echo() -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n/a"


def test_what_is_being_answered_at_the_end_is_answered(http, start):
    asked, go_on = threading.Event(), threading.Event()

    def answer(_):
        asked.set()
        go_on.wait(30)
        return Response(200, b"done")

    server = start(answer)
    client = http.client(server).send(GET)
    asked.wait(30)
    ending = threading.Thread(target=server.stop, args=(30,))
    ending.start()
    go_on.set()
    assert client.rest().endswith(b"Connection: close\r\n\r\ndone")
    ending.join()


def test_after_the_end_nobody_is_connected_and_no_thread_is_left(http, start):
    server = start(name="ends")
    client = http.client(server).send(GET)
    client.answer()
    server.stop()
    assert client.rest() == b""
    assert not server.is_alive()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ends")]


def test_tls_is_spoken_where_it_is_wanted(http, authority):
    server = http.tcp(tls=authority.server(authority.issue("http-server")))
    client = http.client(server)
    ours = ssl.create_default_context(cafile=authority.ca)
    client.socket = ours.wrap_socket(client.socket, server_hostname="localhost")
    assert client.send(post(b"x" * 100_000)).answer()[2] == b"x" * 100_000
    assert b"200" not in http.client(server).send(GET).rest()


def test_a_server_that_nobody_talks_to_wakes_up_for_nothing(http, start):
    server = start(name="sleeps", limits=Limits(idle_seconds=1000))
    client = http.client(server)
    client.send(GET).answer()
    before = _when_asleep("sleeps")
    assert len(before) == 2  # one accepts, one waits for the next request
    # A wake-up is seen only in time that passes: this is the least that shows a timer of a second.
    threading.Event().wait(1.1)
    assert _switches("sleeps") == before


def _when_asleep(name: str) -> dict[int, str]:
    """Return how often each thread gave up the processor, once it does so no more."""
    before = _switches(name)
    while True:
        threading.Event().wait(0.1)
        if (after := _switches(name)) == before:
            return after
        before = after


def _switches(name: str) -> dict[int, str]:
    threads = [thread.native_id for thread in threading.enumerate() if thread.name.startswith(name)]
    return {
        number: Path(f"/proc/self/task/{number}/status")
        .read_text()
        .partition("\nvoluntary_ctxt_switches:")[2]
        .split()[0]
        for number in threads
    }
