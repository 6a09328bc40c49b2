"""HTTP as it is read from a connection: whole, in pieces, or not at all."""

import gzip
import socket
import threading
import zlib

import pytest

from agent.intake.wire import Answer, Limits, Refused, Wire, decoded, parse_head

LIMITS = Limits(head_bytes=500, body_bytes=2000)


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    theirs.settimeout(30)
    with ours, theirs:
        yield ours, theirs


def read(ends, *parts: bytes, limits: Limits = LIMITS):
    ours, theirs = ends
    for part in parts:
        theirs.sendall(part)
    return Wire(ours, limits).read()


def refused(ends, *parts: bytes, limits: Limits = LIMITS) -> int:
    with pytest.raises(Refused) as caught:
        read(ends, *parts, limits=limits)
    return caught.value.status


def test_a_request_is_read_with_its_body(ends):
    request = read(ends, b"POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a/b", "c=d", b"abc")
    assert request.keep_alive


def test_requests_that_come_together_are_read_one_after_the_other(ends):
    ours, theirs = ends
    theirs.sendall(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
    wire = Wire(ours, LIMITS)
    assert [wire.read().path, wire.read().path] == ["/1", "/2"]


def test_a_body_in_chunks_is_put_together(ends):
    request = read(
        ends,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
    )
    assert request.body == b"abcde"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")),
        ("identity", b"hello"),
    ],
)
def test_a_body_is_decoded(ends, encoding, body):
    head = f"POST / HTTP/1.1\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert read(ends, head.encode(), body).body == b"hello"


def test_whoever_waits_to_be_asked_for_the_body_is_asked(ends):
    ours, theirs = ends
    theirs.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")

    def client():
        assert theirs.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        theirs.sendall(b"ok")

    thread = threading.Thread(target=client)
    thread.start()
    assert Wire(ours, LIMITS).read().body == b"ok"
    thread.join()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415),
        (b"GET / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 2001\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d1\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100, 431),
    ],
)
def test_what_makes_no_sense_or_is_too_much_is_refused(ends, request_, status):
    assert refused(ends, request_) == status


def test_a_small_body_that_grows_without_end_is_refused():
    with pytest.raises(Refused) as caught:
        decoded(zlib.compress(b"x" * 10_000_000), "deflate", 1000)
    assert caught.value.status == 413


def test_a_compressed_body_that_was_cut_is_refused():
    with pytest.raises(Refused):
        decoded(gzip.compress(b"hello")[:-4], "gzip", 1000)


def test_a_client_that_says_nothing_is_let_go(ends):
    assert read(ends, limits=Limits(idle_seconds=0.01)) is None


def test_a_client_that_is_done_is_let_go(ends):
    ours, theirs = ends
    theirs.shutdown(socket.SHUT_WR)
    assert Wire(ours, LIMITS).read() is None


def test_a_head_that_does_not_end_in_time_is_refused(ends):
    assert refused(ends, b"GET / HT", limits=Limits(head_seconds=0.01)) == 408


def test_a_body_that_does_not_come_in_time_is_refused(ends):
    half = b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"
    assert refused(ends, half, limits=Limits(body_seconds=0.01)) == 408


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"GET / HTTP/1.1", True),
        (b"GET / HTTP/1.1\r\nConnection: close", False),
        (b"GET / HTTP/1.0", False),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive", True),
    ],
)
def test_a_connection_lasts_as_long_as_the_client_wants(head, keep_alive):
    assert parse_head(head).keep_alive is keep_alive


def test_an_answer_is_written_whole(ends):
    ours, theirs = ends
    Wire(ours, LIMITS).write(Answer(429, b"later\n", "text/plain", (("Retry-After", "3"),)), keep_alive=False)
    assert theirs.recv(1000) == (
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 6\r\nContent-Type: text/plain\r\n"
        b"Retry-After: 3\r\nConnection: close\r\n\r\nlater\n"
    )
