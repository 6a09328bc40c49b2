"""Whatever bytes come, however they are split: no crash, no hang, and no success for what was no whole request."""

import errno
import itertools
import os
import re
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.http import Peer, Refusal, Response
from agent.http.limits import Limits
from agent.http.parsing import Parser
from agent.http.server import serve

EXAMPLES = int(os.environ.get("STS_AGENT_TORTURE_EXAMPLES", "200"))
ANY_NUMBER = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
_HAD_HEARD_ENOUGH = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}
"""How a server's end of a connection looks to whoever still talks."""
LIMITS = Limits(request_seconds=5, idle_seconds=5, body_bytes=300, head_bytes=1000)

LINES = [
    b"Host: localhost", b"Host: localhost", b"Host: evil", b"Content-Length: 3", b"Content-Length: 5",
    b"Content-Length: 99999", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Connection: close",
    b"Connection: Upgrade", b"Upgrade: h2c", b"Expect: 100-continue", b"Content-Encoding: gzip", b"Origin: x",
    b" folded", b"no colon", b": empty", b"X: \x00", b"X:y", b"A" * 600 + b": b",
]  # fmt: skip
FIRST = [
    b"GET / HTTP/1.1",
    b"POST /a HTTP/1.1",
    b"HEAD / HTTP/1.0",
    b"GET /",
    b"CONNECT a:1 HTTP/1.1",
    b"GET * HTTP/2.0",
]
BODIES = [
    b"",
    b"abc",
    b"abcde",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\n",
    b"-1\r\n",
    b"0\r\n\r\n",
    b"\x1f\x8b",
]


def _message(first: bytes, lines: list[bytes], end: bytes, body: bytes) -> bytes:
    return end.join([first, *lines]) + end * 2 + body


messages = st.builds(
    _message,
    st.sampled_from(FIRST),
    st.lists(st.sampled_from(LINES), max_size=6),
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"]),
    st.sampled_from(BODIES),
)
streams = st.lists(st.one_of(messages, messages, st.binary(max_size=40)), min_size=1, max_size=4).map(
    b"".join
)
cuts = st.lists(st.integers(0, 2000), max_size=6)
WHOLE = st.builds(
    lambda body, chunked: (
        b"POST /x HTTP/1.1\r\nHost: localhost\r\n"
        + (
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            if chunked
            else b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
    ),
    st.binary(min_size=1, max_size=100),
    st.booleans(),
)


def split(stream: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({min(cut, len(stream)) for cut in at} | {0, len(stream)})
    return [stream[start:end] for start, end in itertools.pairwise(ends)]


def parsed(parts: list[bytes]) -> list:
    parser = Parser(LIMITS, Peer("127.0.0.1"))
    for part in parts:
        parser.feed(part)
    parser.close()
    return list(parser.read)


@pytest.fixture(scope="module")
def served():
    """Return how to talk to a server, and the bodies that it was asked with."""
    asked: list[bytes] = []

    def answer(request):
        asked.append(request.body)
        return Response(200, b"yes", "text/plain")

    listener = socket.create_server(("127.0.0.1", 0))
    server = serve(listener, answer, LIMITS)
    address = listener.getsockname()

    def talk(parts: list[bytes]) -> bytes:
        with socket.create_connection(address, timeout=30) as client:
            received = b""
            try:
                for part in parts:
                    client.sendall(part)
                client.shutdown(socket.SHUT_WR)
                while more := client.recv(65536):
                    received += more
            except OSError as error:
                if error.errno not in _HAD_HEARD_ENOUGH:
                    raise
            return received

    yield talk, asked
    server.stop()


@ANY_NUMBER
@given(streams, cuts)
def test_how_the_bytes_are_split_changes_nothing_that_came_whole(stream, at):
    def requests(parts):
        return [found.request for found in parsed(parts) if not isinstance(found, Refusal)]

    assert requests(split(stream, at)) == requests([bytes([byte]) for byte in stream])


@ANY_NUMBER
@given(streams, cuts)
def test_any_bytes_are_answered_in_http_or_not_at_all_and_success_is_only_for_what_was_asked(
    served, stream, at
):
    talk, asked = served
    asked.clear()
    answered = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", talk(split(stream, at)))]
    assert set(answered) <= {100, 200, 400, 403, 408, 413, 415, 431, 501}
    assert answered.count(200) <= len(asked)
    assert all(body in stream for body in asked)
    assert [status for status in answered if status >= 400][1:] == []


@ANY_NUMBER
@given(WHOLE, st.data(), cuts)
def test_a_request_that_is_not_whole_is_never_a_success(served, whole, data, at):
    talk, asked = served
    asked.clear()
    upto = data.draw(st.integers(0, len(whole) - 1))
    assert b" 200 " not in talk(split(whole[:upto], at))
    assert asked == []
    assert talk(split(whole, at)).startswith(b"HTTP/1.1 200 ")
    assert len(asked) == 1


@ANY_NUMBER
@given(WHOLE, WHOLE, st.data(), cuts)
def test_a_byte_more_or_less_in_a_length_never_makes_one_request_out_of_two(served, first, second, data, at):
    talk, asked = served
    asked.clear()
    digits = [at for at in range(first.index(b"\r\n\r\n") + 4) if 48 <= first[at] <= 57 and at > 40]
    if not digits:
        digits = [first.index(b"\r\n\r\n") + 4]
    place = data.draw(st.sampled_from(digits))
    damaged = first[:place] + bytes([data.draw(st.integers(0, 255))]) + first[place + 1 :]
    talk(split(damaged + second, at))
    assert len(asked) <= 2
    assert all(body in damaged + second for body in asked)


def test_nothing_that_was_fuzzed_stays_connected(served):
    talk, _ = served
    assert talk([b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"]).endswith(b"yes")
