"""What is asked again and again is asked in the library's own words, over one connection, and heard as it was said."""

import pytest
from requests import Session

from agent.configuration.types import Tls
from agent.http.client import HttpClient
from agent.http.mask import Mask
from agent.http.result import NoAnswer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HEADERS = {"Content-Type": "application/json", "X-Key": "key", "Content-Encoding": "deflate"}
BODIES = [b"{}", b"x" * 3000, b"y" * 12, b"z" * 200_000, b""]


@pytest.fixture
def client():
    made = HttpClient(tls=Tls(), mask=Mask())
    yield made
    made.close()


def head_of_the_library(url, body):
    own = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "sts-agent"}
    with Session() as session:
        session.headers.clear()
        session.trust_env = False
        session.post(url, data=body, headers={**own, **HEADERS})


@pytest.mark.parametrize("path", ["/intake", "/a b?key=ü&x=%2F", "/intake?" + "x" * 2000])
def test_each_request_has_the_head_that_the_library_gives_it(wire, client, path):
    side = wire(OK)
    for body in BODIES:
        assert client.post(side.url + path, body, HEADERS, 30).status == 200
        head_of_the_library(side.url + path, body)
    ours, theirs = side.requests[::2], side.requests[1::2]
    assert [body for _, body in ours] == BODIES
    for (mine, _), (other, _) in zip(ours, theirs, strict=True):
        assert sorted(mine.splitlines()) == sorted(other.splitlines())
        assert mine.splitlines()[:2] == other.splitlines()[:2]


def test_several_urls_of_one_side_are_asked_over_one_connection(wire, client):
    side = wire(OK)
    for _ in range(2):
        assert client.get(f"{side.url}/validate", {}, 30).status == 200
        assert client.post(f"{side.url}/intake", b"{}", HEADERS, 30).status == 200
    assert side.connections == 1
    assert [head.split()[0] for head, _ in side.requests] == ["GET", "POST"] * 2


def test_another_side_is_asked_over_a_connection_of_its_own(wire, client):
    first, second = wire(OK), wire(OK)
    for side in (first, second, first):
        assert client.post(f"{side.url}/intake", b"{}", HEADERS, 30).status == 200
    assert (len(first.requests), len(second.requests)) == (2, 1)


def test_other_headers_are_said_from_the_next_request_on(wire, client):
    side = wire(OK)
    for key in ("one", "two"):
        client.post(side.url, b"{}", {"X-Key": key}, 30)
    assert [
        f"X-Key: {key}" in head for key, (head, _) in zip(("one", "two"), side.requests, strict=True)
    ] == [
        True,
        True,
    ]


def test_a_header_that_comes_twice_has_all_its_values(wire, client):
    side = wire(OK.replace(b"\r\n", b"\r\nVia: a\r\nvia: b\r\nVia: c\r\n", 1))
    assert client.post(side.url, b"{}", HEADERS, 30).headers["Via"] == "a, b, c"


def test_an_answer_that_ends_the_connection_is_heard_whole_and_the_next_request_has_another(wire, client):
    side = wire(OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    assert [client.post(side.url, b"{}", HEADERS, 30).text for _ in range(2)] == ["{}", "{}"]
    assert side.connections == 2


def test_a_connection_that_the_other_side_ended_meanwhile_is_not_asked(wire, client):
    def once(connection, wire):
        wire.read_request(connection)
        connection.sendall(OK)

    side = wire(once, OK)
    client.post(side.url, b"{}", HEADERS, 30)
    for thread in side._threads:
        thread.join()
    assert client.post(side.url, b"{}", HEADERS, 30).status == 200
    assert side.connections == 2


def test_who_refuses_before_all_was_sent_is_heard(wire, client):
    def refuses(connection, _):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        while connection.recv(65536):
            pass

    assert client.post(wire(refuses).url, b"x" * 8_000_000, HEADERS, 30).status == 413


def test_a_body_that_ends_too_early_is_no_body_and_its_connection_is_not_used_again(wire, client):
    def cut(connection, wire):
        wire.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")

    side = wire(cut, OK)
    first = client.post(side.url, b"{}", HEADERS, 30)
    assert (first.status, first.content) == (200, b"")
    assert client.post(side.url, b"{}", HEADERS, 30).content == b"{}"


def test_two_answers_to_one_request_make_no_answer_to_the_next(wire, client):
    def twice(connection, wire):
        wire.read_request(connection)
        connection.sendall(OK + OK.replace(b"200 OK", b"500 No"))
        wire.read_request(connection)

    side = wire(twice, OK)
    assert client.post(side.url, b"{}", HEADERS, 30).status == 200
    assert isinstance(client.post(side.url, b"{}", HEADERS, 30), NoAnswer)
    assert client.post(side.url, b"{}", HEADERS, 30).status == 200


def scripted(*answers):
    """Return a script that says one after the other, each in pieces that are given time to be read apart."""

    def script(connection, wire):
        for pieces in answers:
            if wire.read_request(connection) is None:
                return
            for piece in pieces:
                connection.sendall(piece)
                wire.over.wait(0.05)

    return script


def said(status, body, *headers):
    lines = [b"HTTP/1.1 %d Said" % status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.parametrize("size", [0, 2, 9000])
def test_answers_with_the_head_of_the_last_one_are_each_heard_with_their_own_body(wire, client, size):
    bodies = [bytes([number]) * size for number in range(65, 70)]
    side = wire(scripted(*[[said(200, body, b"X-Same: yes")] for body in bodies]))
    answers = [client.post(side.url, b"{}", HEADERS, 30) for _ in bodies]
    assert [(answer.status, answer.content) for answer in answers] == [(200, body) for body in bodies]
    assert {answer.headers["X-Same"] for answer in answers} == {"yes"}
    assert side.connections == 1


def test_whatever_differs_from_the_last_answer_is_read_anew(wire, client):
    same = said(200, b"same")
    told = [
        ([same], 200, b"same"),
        ([same], 200, b"same"),
        ([same[:-1], same[-1:]], 200, b"same"),
        ([same[:20], same[20:]], 200, b"same"),
        ([said(503, b"no")], 503, b"no"),
        ([said(200, b"other")], 200, b"other"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", same], 200, b"same"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + same], 200, b"same"),
        ([b"HTTP/1.1 200 Said\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"], 200, b"ab"),
        ([said(200, b"", b"X: y")], 200, b""),
        ([b"HTTP/1.1 200 Said\nContent-Length: 4\n\nbare"], 200, b"bare"),
        ([b"HTTP/1.1 204 None\r\n\r\n"], 204, b""),
        ([same], 200, b"same"),
    ]
    side = wire(scripted(*[pieces for pieces, _, _ in told]))
    answers = [client.post(side.url, b"{}", HEADERS, 30) for _ in told]
    assert [(answer.status, answer.content) for answer in answers] == [told_of[1:] for told_of in told]


def test_a_part_of_a_known_answer_is_none(wire, client):
    same = said(200, b"same")
    side = wire(scripted([same], [same[:-2]]), OK)
    assert client.post(side.url, b"{}", HEADERS, 30).content == b"same"
    assert client.post(side.url, b"{}", HEADERS, 30).content == b""
    assert client.post(side.url, b"{}", HEADERS, 30).content == b"{}"
