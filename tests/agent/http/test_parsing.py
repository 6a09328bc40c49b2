"""Bytes into requests, whole or in pieces; what makes no sense is refused, and nothing after it is read."""

import pytest

from agent.http import Peer, Refusal
from agent.http.known_heads import KnownHeads
from agent.http.limits import Limits
from agent.http.parsing import Parser

LIMITS = Limits(head_bytes=500, body_bytes=2000, any_host=True)
ON_PORT, ON_SOCKET = Peer("127.0.0.1"), Peer(uid=1000)
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def read(*parts: bytes, limits: Limits = LIMITS, peer: Peer = ON_SOCKET) -> list:
    parser = Parser(limits, peer)
    for part in parts:
        parser.feed(part)
    parser.close()
    return list(parser.read)


def one(*parts: bytes, **more):
    (whole,) = read(*parts, **more)
    return whole


def statuses(*parts: bytes, **more) -> list[int]:
    return [found.status if isinstance(found, Refusal) else 200 for found in read(*parts, **more)]


def test_a_request_is_read_with_its_body():
    whole = one(b"POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nx-one: 2\r\nContent-Length: 3\r\n\r\nabc")
    request = whole.request
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a/b", "c=d", b"abc")
    assert request.target == "/a/b?c=d"
    assert request.header("x-one") == "1, 2"
    assert whole.keep_alive


@pytest.mark.parametrize("size", [1, 2, 7])
def test_it_is_the_same_in_pieces_of_any_size(size):
    text = CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    first, second = read(*pieces)
    assert (first.request.body, second.request.path) == (b"abcde", "/2")
    assert first.request.header("trailer") == ""


def test_requests_that_come_together_are_read_one_after_the_other():
    found = read(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [whole.request.path for whole in found] == ["/1", "/2"]


def test_a_target_that_is_a_whole_url_is_read_by_its_path():
    request = one(b"GET http://localhost/a?b HTTP/1.1\r\nHost: x\r\n\r\n").request
    assert (request.path, request.query) == ("/a", "b")


def test_a_head_request_is_asked_as_the_get_it_stands_for():
    whole = one(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (whole.request.method, whole.is_head) == ("GET", True)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 501),
        (b"GET /\r\n\r\n", 501),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"SOURCE / ICE/1.0\r\nHost: x\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\x00\r\n\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: +1\r\n\r\nx", 400),
        (POST + b"Content-Length: 1, 1\r\n\r\nx", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
        (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (CHUNKED + b"xyz\r\n", 400),
        (CHUNKED + b"0x1\r\na\r\n", 400),
        (CHUNKED + b"-1\r\n", 400),
        (CHUNKED + b" 1\r\na\r\n", 400),
        (CHUNKED + b"fffffffffffffffff\r\n", 400),
        (CHUNKED + b"1\r\nabc\r\n", 400),
        (CHUNKED + b"1\na\r\n", 400),
        (CHUNKED + b"7d1\r\n" + b"x" * 2001, 413),
        (CHUNKED + b"0\r\n" + b"T: x\r\n" * 100, 431),
        (POST + b"Content-Length: 2001\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100, 431),
        (b"GET /" + b"x" * 600, 431),
        (b"\r\n" * 300, 431),
    ],
)
def test_what_makes_no_sense_or_is_too_much_is_refused_and_nothing_after_it_is_read(request_, status):
    assert statuses(request_, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == [status]


def test_a_chunk_whose_first_line_does_not_end_is_refused():
    assert statuses(CHUNKED, b"1;", *[b"x" * 100] * 10) == [431]


def test_more_headers_than_the_limit_are_refused_however_short():
    assert statuses(POST + b"a:\r\n" * 30, limits=Limits(header_count=20)) == [431]


def test_what_came_whole_before_nonsense_is_answered_first():
    assert statuses(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n") == [200, 400]


def test_nothing_is_read_after_a_request_that_said_it_is_the_last():
    text = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, close\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
    whole = one(text)
    assert not whole.keep_alive


def test_a_wish_for_another_protocol_is_passed_over_and_the_connection_ends():
    whole = one(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\x00\x00")
    assert (whole.request.path, whole.keep_alive) == ("/a", False)


@pytest.mark.parametrize(
    "body", [b"Content-Length: 2\r\n\r\nok", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
)
def test_a_body_is_never_lost_to_another_protocol(body):
    assert statuses(POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + body) == [400]


@pytest.mark.parametrize(
    ("lines", "keep_alive"),
    [
        (b"HTTP/1.1\r\nHost: x", True),
        (b"HTTP/1.1\r\nHost: x\r\nConnection: close", False),
        (b"HTTP/1.0", False),
        (b"HTTP/1.0\r\nConnection: Keep-Alive", True),
    ],
)
def test_a_connection_lasts_as_long_as_the_client_wants(lines, keep_alive):
    assert one(b"GET / " + lines + b"\r\n\r\n").keep_alive is keep_alive


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"127.0.0.1", 200),
        (b"127.0.0.1:7078", 200),
        (b"LocalHost:1", 200),
        (b"[::1]:7078", 200),
        (b"localhost.evil.example", 403),
        (b"127.0.0.1.evil.example", 403),
        (b"evil.example:80", 403),
        (b"localhost:x", 403),
        (b"", 403),
    ],
)
def test_a_port_takes_no_host_but_this_one_and_the_socket_takes_any(host, status):
    text = b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    assert statuses(text, limits=Limits(), peer=ON_PORT) == [status]
    assert statuses(text, limits=Limits(), peer=ON_SOCKET) == [200]


def test_a_port_takes_nothing_from_a_web_page():
    text = b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n"
    assert statuses(text, limits=Limits(), peer=ON_PORT) == [403]
    assert statuses(text, limits=Limits(), peer=ON_SOCKET) == [200]


def test_a_port_takes_no_foreign_host_in_the_target_either():
    text = b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert statuses(text, limits=Limits(), peer=ON_PORT) == [403]


def test_a_refusal_says_what_was_asked_as_far_as_it_is_known():
    (refusal,) = read(POST + b"Content-Length: 2001\r\n\r\n")
    assert refusal.request.path == "/"
    assert read(b"nonsense\r\n\r\n")[0].request is None


LENGTHS = POST + b"X-One: 1\r\nContent-Length: %d\r\nX-Two: 2\r\n\r\n"


def heads_known(first: bytes, *, limits: Limits = LIMITS) -> KnownHeads:
    heads = KnownHeads()
    Parser(limits, ON_SOCKET, heads).feed(first)
    return heads


@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
@pytest.mark.parametrize(
    "head",
    [
        LENGTHS,
        LENGTHS.replace(b"Content-Length", b"content-length"),
        POST + b"Connection: keep-alive\r\nContent-Length: %d\r\nContent-Encoding: gzip\r\n\r\n",
        b"POST /a?b HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n",
        b"HEAD http://localhost/a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
        POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n",
        POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n",
        POST + b"Content-Length: %d\r\nContent-Length: 1\r\n\r\n",
        POST + b"Upgrade: x\r\nContent-Length: %d\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n",
    ],
)
def test_a_request_with_a_head_that_came_before_is_read_as_if_it_had_not(head, size):
    first, others = (
        head % 1 + b"a",
        [head % len(body) + body for body in (b"", b"b", b"c" * 1500, b"d" * 2001)],
    )
    for text in (*others, b"".join(others), b"\r\n".join(others)):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        again, anew = Parser(LIMITS, ON_SOCKET, heads_known(first)), Parser(LIMITS, ON_SOCKET)
        for piece in pieces:
            again.feed(piece)
            anew.feed(piece)
            assert (again.has_begun, again.received, again.missing) == (
                anew.has_begun,
                anew.received,
                anew.missing,
            )
            assert (again.expected, again.take_expectation()) == (anew.expected, anew.take_expectation())
        assert list(again.read) == list(anew.read)


@pytest.mark.parametrize(
    "text",
    [
        *(
            LENGTHS.replace(b"%d", length) + b"bc"
            for length in (b"2", b"002", b"0", b"000000002", b"999999999")
        ),
        *(
            LENGTHS.replace(b"%d", length) + b"bc"
            for length in (b"", b"+2", b"-2", b" 2", b"2 ", b"0000000002")
        ),
        *(
            LENGTHS.replace(b"%d", length) + b"bc"
            for length in (b"\xb2", b"2, 2", b"2\r\nX: 3", b"2\n", b"2\r")
        ),
        (LENGTHS % 2).replace(b"Two: 2", b"Two: 3") + b"bc",
        (LENGTHS % 2).replace(b"One: 1", b"One: 2") + b"bc",
        (LENGTHS % 2)[:-2],
        b"",
        b"\r\n" + LENGTHS % 2 + b"bc",
    ],
)
def test_whatever_comes_after_the_same_head_twice_is_read_as_if_it_had_not(text):
    heads = heads_known(LENGTHS % 1 + b"a")
    Parser(LIMITS, ON_SOCKET, heads).feed(LENGTHS % 1 + b"a")
    again, anew = Parser(LIMITS, ON_SOCKET, heads), Parser(LIMITS, ON_SOCKET)
    for parser in (again, anew):
        parser.feed(text)
    assert list(again.read) == list(anew.read)
    assert (again.has_begun, again.received, again.missing) == (anew.has_begun, anew.received, anew.missing)


def test_a_known_head_is_whoever_sends_it_now():
    heads = heads_known(LENGTHS % 1 + b"a")
    other = Parser(LIMITS, Peer(uid=7, pid=8), heads)
    other.feed(LENGTHS % 2 + b"bc")
    (whole,) = other.read
    assert (whole.request.peer, whole.request.body) == (Peer(uid=7, pid=8), b"bc")
    assert whole.request.header("content-length") == "2"


def test_no_more_than_some_heads_are_known():
    heads = KnownHeads()
    for number in range(1000):
        Parser(LIMITS, ON_SOCKET, heads).feed(POST + b"X: %d\r\nContent-Length: 1\r\n\r\na" % number)
    found = [heads.find(POST + b"X: %d\r\nContent-Length: 2\r\n\r\nab" % number) for number in range(1000)]
    assert 0 < sum(known is not None for _, known in found) <= 64
