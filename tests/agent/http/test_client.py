"""One request under a total deadline: whatever the other side does, an answer as a value, in time, and no key in it."""

import gzip
import logging
import os
import socket
import threading
import time

import pytest
from harness.free_ports import free_port

from agent.configuration.types import Tls
from agent.http.client import HttpClient
from agent.http.mask import Mask
from agent.http.result import Answered, Failure, NoAnswer, NotSent

KEY = "s3cr3t/+key"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
QUICK = 0.3


@pytest.fixture
def http():
    made = []

    def make(**options):
        mask = Mask()
        mask.add(KEY)
        options = {"tls": Tls(), "mask": mask, **options}
        made.append(HttpClient(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "deadline" and not _ends(thread)]


def _ends(thread):
    thread.join(60)
    return not thread.is_alive()


def post(http, url, body=b"{}", seconds=10.0):
    return http.post(f"{url}/intake?api_key=s3cr3t%2F%2Bkey", body, {"sts-api-key": KEY}, seconds)


def test_an_answer_is_its_status_and_the_beginning_of_its_text(wire, http):
    side = wire(b"HTTP/1.1 418 Teapot\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000)
    answer = post(http(), side.url)
    assert (answer.status, len(answer.text)) == (418, 16 * 1024)


def test_an_answer_that_is_no_text_is_handed_on_as_it_came(wire, http):
    body = b"\x08\xac\x02\xff" + KEY.encode()
    side = wire(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    answer = post(http(), side.url)
    assert answer.content == body
    assert KEY not in repr(answer)


def test_a_connection_is_reused(wire, http):
    side = wire(OK)
    client = http()
    assert [post(client, side.url).status for _ in range(3)] == [200, 200, 200]
    assert side.connections == 1


def test_a_connection_that_was_idle_for_long_is_not_trusted(wire, http):
    now = [0.0]
    side = wire(OK)
    client = http(clock=lambda: now[0])
    post(client, side.url)
    now[0] += 5
    assert post(client, side.url).status == 200
    assert side.connections == 2


def test_a_name_is_looked_up_again_every_few_minutes(wire, http):
    now = [0.0]
    first, second = wire(OK), wire(OK)
    ports = [first.port]

    def resolve(_host, _port, *_rest):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", ports[0]))]

    client = http(clock=lambda: now[0], resolve=resolve)
    for _ in range(70):
        assert post(client, "http://receiver.invalid/stsAgent").status == 200
        ports[0] = second.port
        now[0] += 3
    assert first.connections == 1
    assert second.connections == 1


def _drip_header(connection, wire):
    wire.read_request(connection)
    wire.drip(connection, b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000)


def _never_answer(connection, wire):
    wire.read_request(connection)
    connection.recv(1)


def _never_read(_connection, wire):
    wire.over.wait()


@pytest.mark.parametrize("script", [_drip_header, _never_answer])
def test_a_side_that_takes_its_time_is_left_at_the_deadline(wire, http, script):
    answer = post(http(), wire(script).url, seconds=QUICK)
    assert answer == NoAnswer(Failure.DEADLINE, "no whole answer within 0.3 s")


def test_a_side_that_does_not_read_is_left_at_the_deadline(wire, http):
    answer = post(http(), wire(_never_read).url, b"x" * 50_000_000, seconds=QUICK)
    assert answer.failure is Failure.DEADLINE


def test_a_tls_handshake_that_never_ends_is_left_at_the_deadline(wire, http):
    side = wire(_never_read)
    answer = post(http(), side.url.replace("http:", "https:"), seconds=QUICK)
    assert answer.failure is Failure.UNREACHABLE
    assert "no connection within 0.3 s" in answer.text


def test_a_request_that_no_thread_can_watch_over_is_not_made_and_the_next_one_has_its_deadline(
    wire, http, monkeypatch
):
    def none_is_left(_):
        raise RuntimeError("can't start new thread")

    client, side = http(), wire(_never_answer)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_is_left)
        with pytest.raises(RuntimeError):
            post(client, side.url)
    assert not side.requests
    assert post(client, side.url, seconds=QUICK).failure is Failure.DEADLINE


def test_the_deadline_holds_on_a_reused_connection(wire, http):
    def first_well_then_slowly(connection, wire):
        wire.read_request(connection)
        connection.sendall(OK)
        _drip_header(connection, wire)

    client = http()
    side = wire(first_well_then_slowly)
    assert post(client, side.url).status == 200
    assert post(client, side.url, seconds=QUICK).failure is Failure.DEADLINE
    assert side.connections == 1


def test_a_status_stands_even_when_its_body_never_ends(wire, http):
    def drip_body(connection, wire):
        wire.read_request(connection)
        wire.drip(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, 0.0005)
        wire.over.wait()

    assert post(http(), wire(drip_body).url, seconds=1).status == 200


@pytest.mark.parametrize("length", ["5000", "1", "-1", "many", "5, 6"])
def test_a_wrong_content_length_is_an_answer_and_the_next_request_works(wire, http, length):
    def lie(connection, wire):
        wire.read_request(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nwhatever".encode())

    client = http()
    side = wire(lie, OK)
    assert isinstance(post(client, side.url, seconds=5), Answered | NoAnswer)
    answers = [post(client, side.url) for _ in range(2)]  # the first may meet the end of the old connection
    assert answers[-1].status == 200


def test_a_cut_after_the_request_is_told_from_no_connection(wire, http):
    def cut(connection, wire):
        wire.read_request(connection)

    assert post(http(), wire(cut).url).failure is Failure.CUT
    answer = post(http(), f"http://127.0.0.1:{free_port()}")
    assert answer == NoAnswer(Failure.UNREACHABLE, "Connection refused")


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: text/ht"]
)
def test_a_head_that_is_cut_is_no_answer(wire, http, head):
    def play(connection, side):
        side.read_request(connection)
        connection.sendall(head)

    answer = post(http(), wire(play).url)
    assert answer == NoAnswer(Failure.CUT, "the connection ended within the answer's head")


def test_garbage_is_no_answer(wire, http):
    assert isinstance(post(http(), wire(b"SSH-2.0-OpenSSH\r\n\r\n").url), NoAnswer)


def test_each_address_of_a_name_is_tried(wire, http):
    side = wire(OK)
    family = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    addresses = [(*family, ("127.0.0.1", free_port())), (*family, ("127.0.0.1", side.port))]
    client = http(resolve=lambda *_: addresses)
    assert post(client, "http://receiver.invalid").status == 200


def test_a_name_that_is_not_found_says_so_and_is_found_later(wire, http):
    side = wire(OK)
    found = []

    def resolve(*_):
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found

    client = http(resolve=resolve)
    answer = post(client, "http://receiver.invalid")
    assert answer == NoAnswer(Failure.UNREACHABLE, "name not found: Name or service not known")
    found.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", side.port)))
    assert post(client, "http://receiver.invalid").status == 200


def test_a_redirect_is_an_answer_and_is_not_followed(wire, http):
    other = wire(OK)
    location = f"{other.url}/intake?api_key={KEY}"
    side = wire(f"HTTP/1.1 307 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    answer = post(http(), side.url)
    assert (answer.status, other.connections) == (307, 0)
    assert KEY not in answer.location


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/xhtml+xml", ""])
def test_a_web_page_is_told_by_its_type_or_its_beginning(wire, http, content_type):
    header = f"Content-Type: {content_type}\r\n" if content_type else ""
    page = "<!DOCTYPE html><html>log in</html>"
    side = wire(f"HTTP/1.1 200 OK\r\n{header}Content-Length: {len(page)}\r\n\r\n{page}".encode())
    assert post(http(), side.url).is_html


def test_a_compressed_answer_is_asked_not_to_come_and_does_no_harm(wire, http):
    bomb = gzip.compress(b" " * 50_000_000)
    head = f"HTTP/1.1 400 Bad\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    side = wire(head + bomb)
    assert len(post(http(), side.url).text) <= 16 * 1024
    assert "Accept-Encoding: identity" in side.requests[0][0]


def test_netrc_environment_and_cookies_have_no_say(wire, http, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    side = wire(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"))
    client = http()
    assert [post(client, side.url).status for _ in range(2)] == [200, 200]
    for head, _ in side.requests:
        assert "Authorization" not in head
        assert "Cookie" not in head


def test_a_request_under_way_can_be_cut_short(wire, http):
    def shorten(connection, wire):
        wire.read_request(connection)
        client.shorten(0.05)
        wire.over.wait()

    client = http()
    began = time.monotonic()
    assert post(client, wire(shorten).url, seconds=60).failure is Failure.DEADLINE
    assert time.monotonic() - began < 50  # far from the minute, however slow the machine


def test_a_request_under_way_ends_when_its_client_is_closed(wire, http):
    def close(connection, wire):
        wire.read_request(connection)
        client.close()
        wire.over.wait()

    client = http()
    began = time.monotonic()
    assert post(client, wire(close).url, seconds=60).failure is Failure.DEADLINE
    assert time.monotonic() - began < 50  # as above


class TestTls:
    def test_a_known_authority_and_the_right_name_are_believed(self, wire, http, authority):
        side = wire(OK, tls=authority.server(authority.issue("right")))
        assert post(http(tls=Tls(ca_file=authority.ca)), side.url).status == 200

    @pytest.mark.parametrize(
        ("issue", "words"),
        [
            ({"name": "expired", "days": -1}, "certificate has expired"),
            ({"name": "other", "names": "DNS:elsewhere"}, "IP address mismatch"),
        ],
    )
    def test_an_expired_or_foreign_certificate_is_not(self, wire, http, authority, issue, words):
        side = wire(OK, tls=authority.server(authority.issue(**issue)))
        answer = post(http(tls=Tls(ca_file=authority.ca)), side.url)
        assert answer.failure is Failure.TLS
        assert words in answer.text
        assert side.requests == []

    def test_an_unknown_authority_is_not(self, wire, http, authority):
        side = wire(OK, tls=authority.server(authority.issue("right")))
        answer = post(http(), side.url)
        assert answer.failure is Failure.TLS
        assert "unable to get local issuer certificate" in answer.text

    def test_the_environment_does_not_say_whom_to_believe(self, wire, http, authority, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        side = wire(OK, tls=authority.server(authority.issue("right")))
        assert post(http(), side.url).failure is Failure.TLS

    def test_verification_can_be_turned_off(self, wire, http, authority):
        side = wire(OK, tls=authority.server(authority.issue("expired", days=-1)))
        assert post(http(tls=Tls(verify=False)), side.url).status == 200

    def test_a_client_certificate_is_shown_when_configured_and_missed_when_not(self, wire, http, authority):
        own = authority.issue("client")
        side = wire(OK, tls=authority.server(authority.issue("right"), client_needed=True))
        with_own = Tls(ca_file=authority.ca, client_cert_file=own.cert, client_key_file=own.key)
        assert post(http(tls=with_own), side.url).status == 200
        assert isinstance(post(http(tls=Tls(ca_file=authority.ca)), side.url), NoAnswer)

    def test_a_missing_file_says_which(self, http, tmp_path):
        answer = post(http(tls=Tls(ca_file=tmp_path / "ca.pem")), "https://127.0.0.1:1")
        assert isinstance(answer, NotSent)
        assert "tls.ca_file: No such file or directory" in answer.reason

    @pytest.mark.parametrize("key", ["ca_file", "client_cert_file"])
    def test_what_is_no_file_is_said_and_nobody_waits_for_it(self, http, tmp_path, key):
        os.mkfifo(tmp_path / "it")
        answer = post(http(tls=Tls(**{key: tmp_path / "it"})), "https://127.0.0.1:1")
        assert isinstance(answer, NotSent)
        assert f"tls.{key} {tmp_path / 'it'}: it is no regular file" in answer.reason


class TestProxy:
    def test_plain_requests_go_through_it_with_its_own_credentials(self, wire, http):
        proxy = wire(OK)
        client = http(proxy=f"http://user:pw@127.0.0.1:{proxy.port}")
        assert post(client, "http://receiver.invalid/stsAgent").status == 200
        head = proxy.requests[0][0]
        assert head.startswith("POST http://receiver.invalid/stsAgent/intake")
        assert "Proxy-Authorization: Basic" in head

    def test_tls_goes_through_a_tunnel(self, wire, http, authority):
        side = wire(OK, tls=authority.server(authority.issue("right")))

        def tunnel(connection, wire):
            wire.read_request(connection)
            with socket.create_connection(("127.0.0.1", side.port)) as onward:
                connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=_pump, args=(onward, connection))
                back.start()
                _pump(connection, onward)
                back.join()

        proxy = wire(tunnel)
        client = http(tls=Tls(ca_file=authority.ca), proxy=f"http://127.0.0.1:{proxy.port}")
        assert post(client, f"https://localhost:{side.port}").status == 200
        assert "s3cr3t" not in proxy.requests[0][0]
        client.close()

    def test_one_that_wants_a_login_pauses_and_one_that_fails_does_not(self, wire, http):
        asks = wire(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        client = http(proxy=f"http://127.0.0.1:{asks.port}")
        answer = post(client, "https://receiver.invalid")
        assert answer == NotSent("the proxy refuses: 407 Proxy Authentication Required")
        assert post(client, "http://receiver.invalid").status == 407
        fails = wire(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        answer = post(http(proxy=f"http://127.0.0.1:{fails.port}"), "https://receiver.invalid")
        assert isinstance(answer, NoAnswer)

    def test_one_that_is_down_is_named_without_its_password(self, http):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        answer = post(http(proxy=f"http://user:pw@127.0.0.1:{port}"), "http://receiver.invalid")
        assert answer == NoAnswer(Failure.UNREACHABLE, "Connection refused (through the proxy)")

    def test_an_exempt_host_is_reached_directly(self, wire, http):
        side = wire(OK)
        client = http(proxy="http://127.0.0.1:9", no_proxy=["127.0.0.0/8"])
        assert post(client, side.url).status == 200

    def test_the_usual_port_is_one_too(self, wire, http):
        refuses = wire(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n")
        client = http(proxy=f"http://127.0.0.1:{refuses.port}", no_proxy=["nowhere.invalid:80"])
        assert post(client, "http://nowhere.invalid").failure is Failure.UNREACHABLE
        assert post(client, "http://nowhere.invalid:8080").status == 502


def _pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_no_key_comes_out_of_anything(wire, http, caplog):
    caplog.set_level(logging.DEBUG)
    echo = b"HTTP/1.1 400 Bad\r\nContent-Length: 40\r\nOdd\r\n\r\nbad key s3cr3t/+key or s3cr3t%2F%2Bkey ..."

    def cut(connection, wire):
        wire.read_request(connection)

    sides = [wire(echo), wire(cut), wire(b"nonsense\r\n\r\n"), wire(_never_answer)]
    urls = [side.url for side in sides]
    urls += [
        "http://127.0.0.1:1",
        "https://127.0.0.1:1",
        "http://[::1",
        sides[0].url.replace("http", "https"),
    ]
    client = http()
    texts = [repr(post(client, url, seconds=0.5)) for url in urls]
    for text in (*texts, caplog.text, repr(client)):
        assert "s3cr3t" not in text
