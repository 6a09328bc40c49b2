"""The receiver from hell: for each of its ways, what becomes of the events, what the log and `status` say.

In every one of them nothing is lost, nothing is rejected, it is said once, and no key comes out.
"""

import logging
import socket
import time
from email.utils import formatdate

import pytest
from harness.free_ports import free_port

from agent.configuration import types
from agent.delivery.state import Phase
from agent.systems.stackstate.stand_in import Receiver

KEY = "s3cr3t-k3y"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
PAGE = "<!DOCTYPE html><html>log in here</html>"
FOR_LONG = types.Backoff(initial=types.Duration(600), max=types.Duration(600))


@pytest.fixture(autouse=True)
def no_key_comes_out(caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert KEY not in caplog.text


def once(answer):
    """Answer one request, then close."""

    def script(connection, wire):
        wire.read_request(connection)
        connection.sendall(answer)

    return script


def plain(status, text="", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(text)}", "Connection: close", *headers, "", text]
    return "\r\n".join(lines).encode()


def cut(connection, wire):
    wire.read_request(connection)


def drip(connection, wire):
    wire.read_request(connection)
    wire.drip(connection, plain("200 OK"))


def answer_too_late(connection, wire):
    wire.read_request(connection)
    wire.over.wait(1)
    connection.sendall(OK)


def said(caplog):
    return [
        message for message in caplog.messages if message.startswith("sts: ") and "delivering" not in message
    ]


LATER = "; events are kept and sent later"
PAUSED = "; everything is kept; tried again every 0.05 s, at a reload, and when the key file changes"


@pytest.mark.parametrize(
    ("script", "log"),
    [
        (once(plain("408 Request Timeout")), f"408 Request Timeout{LATER}"),
        (once(plain("429 Slow", "slow down")), f"429 Too Many Requests slow down{LATER}"),
        (once(plain("500 Oops", f"trace with {KEY}")), f"500 Internal Server Error trace with ***{LATER}"),
        (once(plain("502 Bad", PAGE, "Content-Type: text/html")), f"502 Bad Gateway (HTML){LATER}"),
        (once(plain("503 Busy", "", "Retry-After: soon")), f"503 Service Unavailable{LATER}"),
        (once(b"HTTP/1.1 banana\r\n\r\n"), f"no HTTP answer: HTTP/1.1 banana{LATER}"),
        (cut, f"Remote end closed connection without response{LATER}"),
        (drip, f"no whole answer within 0.3 s{LATER}"),
        (answer_too_late, f"no whole answer within 0.3 s{LATER}"),
        (
            once(plain("200 OK", PAGE, "Content-Type: text/html")),
            f"paused: 200 OK (HTML): a web page answers here, not the receiver{PAUSED}",
        ),
        (
            once(plain("307 Moved", "", f"Location: https://elsewhere/?api_key={KEY}")),
            f"paused: 307 Temporary Redirect to https://elsewhere/?api_key=***{PAUSED}",
        ),
        (once(plain("404 No", "no such path")), f"paused: 404 Not Found no such path{PAUSED}"),
        (once(plain("405 No")), f"paused: 405 Method Not Allowed{PAUSED}"),
        (once(plain("407 Proxy")), f"paused: 407 Proxy Authentication Required{PAUSED}"),
        (once(plain("415 No")), f"paused: 415 Unsupported Media Type{PAUSED}"),
    ],
)
def test_one_bad_answer_delays_the_event_and_is_said_once(host, loop_to, wire, until, caplog, script, log):
    side = wire(script, OK)
    timeout = types.Duration(0.3 if "0.3 s" in log else 30)
    loop = loop_to(side.url, timeout=timeout, key_in="both", start=False)
    host.keep("kept")
    loop.start()
    until(lambda: loop.state().last_success)
    assert host.totals() == (1, 0, 0)
    assert said(caplog) == [f"sts: {log}"]
    state = loop.state()
    assert state.last_failure_reason == log.removeprefix("paused: ").removesuffix(LATER).removesuffix(PAUSED)
    assert state.last_success >= state.last_failure
    assert KEY not in repr(state)


@pytest.mark.parametrize("length", ["5000", "1"])
def test_a_success_with_a_wrong_content_length_is_a_success(host, loop_to, wire, until, length):
    side = wire(once(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{{}}".encode()), OK)
    loop = loop_to(side.url)
    host.keep("first")
    assert loop.flush(120)
    host.keep("second")
    until(lambda: host.totals() == (2, 0, 0))


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        ("120", 120, 133),
        (lambda: formatdate(_later(120), usegmt=True), 100, 140),
        ("31536000", 0, 1),  # a year: nobody means that
        (lambda: formatdate(_later(10**9), usegmt=True), 0, 1),
    ],
)
def test_retry_after_is_honoured_while_it_can_be_believed(
    host, loop_to, wire, until, retry_after, least, most
):
    value = retry_after() if callable(retry_after) else retry_after
    side = wire(plain("503 Busy", "", f"Retry-After: {value}"))
    loop = loop_to(side.url)
    host.keep("kept")
    state = until(lambda: loop.state() if loop.state().phase is Phase.BACKING_OFF else None)
    assert least <= state.until - state.last_failure <= most


def _later(seconds):
    return time.time() + seconds


@pytest.mark.parametrize(
    ("issue", "client_needed", "reason"),
    [
        ({"name": "expired", "days": -1}, False, "TLS: certificate has expired"),
        ({"name": "foreign", "names": "DNS:elsewhere"}, False, "TLS: IP address mismatch"),
        ({"name": "unknown"}, False, "TLS: unable to get local issuer certificate"),
        ({"name": "right"}, True, ""),
    ],
)
def test_tls_trouble_keeps_everything(host, loop_to, wire, until, authority, issue, client_needed, reason):
    side = wire(OK, tls=authority.server(authority.issue(**issue), client_needed=client_needed))
    tls = types.Tls() if issue["name"] == "unknown" else types.Tls(ca_file=authority.ca)
    loop = loop_to(side.url, tls=tls, backoff=FOR_LONG)
    host.keep("kept")
    state = until(lambda: loop.state() if loop.state().phase is Phase.BACKING_OFF else None)
    assert state.reason.startswith(reason)
    assert host.waiting() == {"sts": 1}
    assert not side.requests


def test_a_line_too_slow_for_a_full_batch_drains(host, loop_to, wire):
    taken = []

    def slow(connection, wire):
        """Carry 16 KiB in a tenth of the timeout."""
        while head := wire.read_request(connection):
            length = len(wire.requests[-1][1])
            if wire.over.wait(length / (16 * 1024) * 0.03):
                return
            connection.sendall(OK)
            taken.append(head)

    for at in range(0, 2000, 20):
        host.keep(*map(str, range(at, at + 20)))
    loop = loop_to(wire(slow).url, timeout=types.Duration(0.3), compression="none")
    while not loop.flush(120):
        pass
    assert host.totals() == (2000, 0, 0)
    assert len(taken) < 300  # it found what the line carries, and did not creep


def test_a_limit_below_our_own_is_found_and_kept_to(host, loop_to):
    with Receiver(max_body_bytes=1024 * 1024) as receiver:
        for at in range(200):
            host.keep(str(at) + "x" * 30_000)
        batch = types.Batch(max_bytes=types.Size(4 * 1024 * 1024), linger=types.Duration(0.01))
        assert loop_to(receiver.url, batch=batch).flush(120)
        assert [int(one.event["msg_title"].rstrip("x")) for one in receiver.received] == list(range(200))
        assert 0 < receiver.report.refused.total() < 10
        assert host.totals() == (200, 0, 0)


def test_our_default_batches_fit_an_ingress_of_one_mebibyte(host, loop_to):
    with Receiver(max_body_bytes=1024 * 1024) as receiver:
        for at in range(200):
            host.keep(str(at) + "x" * 30_000)
        assert loop_to(receiver.url).flush(120)
        assert not receiver.report.refused


def test_a_proxy_that_wants_a_login_pauses(host, loop_to, wire, until):
    proxy = wire(plain("407 Proxy Authentication Required"))
    loop = loop_to("https://receiver.invalid/stsAgent", proxy=f"http://127.0.0.1:{proxy.port}")
    host.keep("kept")
    until(lambda: loop.state().phase is Phase.PAUSED)
    assert loop.state().reason == "the proxy refuses: 407 Proxy Authentication Required"
    assert host.waiting() == {"sts": 1}


def test_a_proxy_that_is_down_is_waited_for(host, loop_to, until):
    port = free_port()
    url = "http://receiver.invalid/stsAgent"
    loop = loop_to(url, proxy=f"http://us3r:passw0rd@127.0.0.1:{port}", backoff=FOR_LONG)
    host.keep("kept")
    until(lambda: loop.state().phase is Phase.BACKING_OFF)
    assert loop.state().reason == "Connection refused (through the proxy)"
    assert "passw0rd" not in repr(loop.state())


def test_a_name_that_is_not_found_is_waited_for(host, loop_to, receiver, until):
    found = []

    def resolve(*_):
        if not found:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return found

    loop = loop_to("http://receiver.invalid/stsAgent", resolve=resolve)
    host.keep("kept")
    until(lambda: loop.state().last_failure)
    assert loop.state().last_failure_reason == "name not found: Temporary failure in name resolution"
    found.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port)))
    receiver.wait_for(1)


def test_a_reason_that_is_kept_with_a_rejected_event_holds_no_key(host, loop_to, wire):
    def refuse(connection, wire):
        while wire.read_request(connection):
            body = wire.requests[-1][1]
            connection.sendall(
                plain("400 Bad", f"key {KEY} is fine, this is not") if b'"bad"' in body else OK
            )

    host.keep("good", "bad", "fine")
    assert loop_to(wire(refuse).url, compression="none").flush(120)
    (entry,) = host.spool.rejected.entries()
    assert entry.reason == "400 Bad Request key *** is fine, this is not"
    assert b'"bad"' in entry.body
