"""The stand-in receiver answers over HTTP as the real one is documented to."""

import gzip
import http.client
import json
import socket
import threading
import zlib

import pytest
from harness.free_ports import free_port

from agent.stand_in import Reply
from agent.systems.stackstate.stand_in import Receiver

BODY = json.dumps(
    {
        "internalHostname": "h",
        "events": {"custom": [{"msg_title": "t", "msg_text": "x", "event_type": "E", "timestamp": 1}]},
    }
).encode()
HEADERS = {"Content-Type": "application/json", "sts-api-key": "right"}


@pytest.fixture
def receiver():
    with Receiver(api_key="right", max_body_bytes=10_000) as one:
        yield one


def ask(receiver, method="POST", path="/stsAgent/intake", body=BODY, headers=HEADERS, **options):
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
    try:
        connection.request(method, path, body, headers, **options)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("address", ["/stsAgent", "/receiver/stsAgent"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_it_takes_events_under_every_address_that_clients_use(receiver, address, slash):
    assert ask(receiver, path=f"{address}/intake{slash}")[0] == 200
    assert [(one.name, one.hostname) for one in receiver.wait_for(1)] == [("custom", "h")]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/stsAgent/intake", {"sts-api-key": "right"}, 200),
        ("/stsAgent/intake?api_key=right", {}, 200),
        ("/stsAgent/intake?api_key=right", {"sts-api-key": "right"}, 200),
        ("/stsAgent/intake", {}, 403),
        ("/stsAgent/intake?api_key=wrong", {}, 403),
        ("/stsAgent/intake?api_key=", {}, 403),
        ("/stsAgent/intake", {"sts-api-key": "wrong"}, 403),
        ("/stsAgent/intake?api_key=right", {"sts-api-key": "wrong"}, 403),
    ],
)
def test_the_key_is_right_in_either_place(receiver, path, headers, status):
    assert ask(receiver, path=path, headers={"Content-Type": "application/json", **headers})[0] == status


def test_it_says_whether_a_key_is_valid(receiver):
    assert ask(receiver, "GET", "/stsAgent/api/v1/validate", None)[0] == 200
    assert ask(receiver, "GET", "/stsAgent/api/v1/validate?api_key=wrong", None, {})[0] == 403


@pytest.mark.parametrize(
    ("encoding", "encoded", "status"),
    [
        ("deflate", zlib.compress(BODY), 200),
        ("gzip", gzip.compress(BODY), 200),
        ("identity", BODY, 200),
        ("deflate", zlib.compress(BODY)[:-1], 400),
        ("deflate", zlib.compress(BODY) + b"x", 400),
        ("deflate", BODY, 400),
        ("deflate", zlib.compress(b" " * 20_000), 413),
        ("zstd", BODY, 415),
    ],
)
def test_it_reads_the_encodings_that_official_clients_use_and_no_other(receiver, encoding, encoded, status):
    assert ask(receiver, body=encoded, headers={**HEADERS, "Content-Encoding": encoding})[0] == status


@pytest.mark.parametrize(
    ("method", "path", "changes", "status"),
    [
        ("GET", "/stsAgent/intake", {}, 405),
        ("POST", "/intake", {}, 404),
        ("POST", "/stsAgent/intake//", {}, 404),
        ("POST", "/stsAgent/intake", {"Content-Type": "text/plain"}, 415),
        ("POST", "/stsAgent/intake", {"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_what_is_not_a_post_of_json_to_the_intake_is_refused(receiver, method, path, changes, status):
    assert ask(receiver, method, path, headers={**HEADERS, **changes})[0] == status


def test_a_body_over_the_limit_is_413_and_the_next_request_is_served(receiver):
    assert ask(receiver, body=b" " * 30_000)[0] == 413
    assert ask(receiver)[0] == 200


def test_chunked_bodies_are_read(receiver):
    assert ask(receiver, body=iter([BODY[:10], BODY[10:]]), encode_chunked=True)[0] == 200


def test_a_client_that_expects_100_is_told_to_go_on(receiver):
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as client:
        head = (
            f"POST /stsAgent/intake HTTP/1.1\r\nHost: x\r\nsts-api-key: right\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n"
        )
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(BODY)
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_the_report_names_the_event_and_the_rule_it_broke(receiver):
    ask(receiver)
    assert receiver.report.accepted == 1
    text = "\n".join(receiver.report.lines())
    assert "E 't': events.custom(0): Without a context" in text


def test_a_refused_request_keeps_nothing_and_is_in_the_report(receiver):
    status, text = ask(receiver, body=b"{}")
    assert status == 400
    assert "missing required member 'internalHostname'" in text
    assert receiver.received == []
    assert receiver.report.refused.total() == 1


def test_every_event_is_recorded_as_a_line(tmp_path):
    path = tmp_path / "events.jsonl"
    with Receiver(record=path) as receiver:
        ask(receiver)
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["event"]["msg_title"] == "t"


def test_answers_can_be_scripted(receiver):
    receiver.intercept = lambda _request: Reply(503, b"later", "text/plain", {"Retry-After": "3"})
    assert ask(receiver) == (503, "later")
    receiver.intercept = lambda _request: Reply(cut=True)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(receiver)
    assert receiver.received == []


def test_closing_ends_idle_connections_and_every_thread():
    receiver = Receiver().start()
    before = threading.active_count()
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as client:
        client.sendall(b"GET /stsAgent/api/v1/validate HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100)
        receiver.close()
        assert threading.active_count() == before - 1
        assert not [one for one in threading.enumerate() if one.name.startswith("receiver")]


def test_its_port_can_be_taken_again_at_once_after_an_outage():
    port = free_port()
    with Receiver(port=port) as first:
        ask(first)
    with Receiver(port=port) as second:
        assert ask(second)[0] == 200
