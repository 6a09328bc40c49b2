"""The client's sockets take what local checks send, and say `ok` to nothing that is not on disk."""

import contextlib
import json
import socket
import struct
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.intake.odd import ignored
from agent.systems.sensu.client_socket import ClientSocket

RESULT = b'{"name": "disk", "output": "full", "status": 2}'
JSON = {"Content-Type": "application/json"}


def test_an_object_and_a_list_are_ok_and_on_disk(sensu):
    assert sensu.say(RESULT) == b"ok"
    assert sensu.say(b"[%b, %b]" % (RESULT, RESULT.replace(b"disk", b"load"))) == b"ok"
    assert [result["name"] for result in sensu.records("sensu/result")] == ["disk", "disk", "load"]
    assert sensu.get("/events/web-1/disk")["occurrences"] == 2


def test_a_ping_is_answered(sensu):
    assert sensu.say(b"ping") == sensu.say(b"pi", b"ng\n") == b"pong"


def test_it_counts_when_it_is_whole_however_it_is_cut_and_though_the_client_says_no_more(sensu):
    assert sensu.say(*(RESULT[at : at + 1] for at in range(len(RESULT)))) == b"ok"
    assert sensu.say(b"\n ", RESULT, b"\n") == b"ok"


def test_a_client_that_ends_its_side_is_answered(sensu):
    assert sensu.say(RESULT, end=True) == b"ok"
    assert sensu.say(RESULT[:-1], end=True) == b"invalid"


def test_what_stops_in_the_middle_is_invalid_after_half_a_second(sensu):
    assert sensu.say(RESULT[:-1]) == b"invalid"
    assert sensu.records("sensu/result") == []


@pytest.mark.parametrize(
    "message",
    [
        b"no json",
        b"{}",
        b"[]",
        b"[5]",
        b"{no}",
        b'{"name": "disk"}',
        b'{"output": "x"}',
        b'{"name": "a b", "output": "x"}',
        b'{"name": "", "output": "x"}',
        b'{"name": "a\\n", "output": "x"}',
        b'{"name": 5, "output": "x"}',
        b'{"name": "disk", "output": 5}',
        b'{"name": "disk", "output": "x", "status": "2"}',
        b'{"name": "disk", "output": "x", "status": true}',
        b'{"name": "disk", "output": "x", "status": 2.0}',
        b'{"name": "disk", "output": "x", "executed": "now"}',
        b'{"name": "disk", "output": "x", "executed": -1}',
        b'{"name": "disk", "output": "x", "executed": 1460303502000}',
        b'{"name": "disk", "output": "x", "source": "a/b"}',
        b'{"name": "disk", "output": "x", "v": 1e999}',
        b'{"name": "disk", "output": "x", "v": 99999999999999999999}',
        b'{"name": "disk", "output": "x", "v": "\\ud800"}',
        b'{"name": "disk", "output": "x", "v": %b}' % (b"[" * 70 + b"]" * 70),
        b'{"name": "disk", "output": "%b"}' % (b"x" * 204_800),
        b"[%b, {}]" % RESULT,
        b"%b %b" % (RESULT, RESULT),
        b"\xff\xfe",
    ],
)
def test_what_is_wrong_is_invalid_and_nothing_of_it_is_kept(sensu, message):
    assert sensu.say(message) == b"invalid"
    assert sensu.records("sensu/result") == sensu.records() == sensu.get("/results") == []


def test_nulls_are_absent_and_unknown_keys_are_kept(sensu):
    assert sensu.say(b'{"name": "disk", "output": "x", "status": null, "source": null, "mine": [1]}') == b"ok"
    assert sensu.get("/results/web-1/disk")["check"]["mine"] == [1]


def test_a_client_that_closes_without_reading_is_heard_all_the_same(sensu):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", sensu.ports["client"])) as connection:
            connection.sendall(RESULT)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
        # What came before a reset may be lost with it; a client that only closes is always heard.
        with socket.create_connection(("127.0.0.1", sensu.ports["client"])) as connection:
            connection.sendall(RESULT)
    wait_until(lambda: len(sensu.records("sensu/result")) >= 3)


def test_a_request_of_a_browser_is_refused_at_its_first_byte_whatever_its_body_is(sensu):
    assert sensu.say(b"POST / HTTP/1.1\r\nHost: evil.example\r\n\r\n" + RESULT) == b"invalid"
    assert sensu.records("sensu/result") == []


def test_more_than_a_mebibyte_is_invalid(sensu):
    assert sensu.say(b"[" + b" " * (1024 * 1024 + 1)) == b"invalid"


def test_many_at_once_are_all_ok_and_all_counted(sensu):
    said = []
    threads = [threading.Thread(target=lambda: said.append(sensu.say(RESULT))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [b"ok"] * 40
    assert sensu.get("/events/web-1/disk")["occurrences"] == 40


def test_who_says_nothing_keeps_nobody_out(sensu):
    silent = [socket.create_connection(("127.0.0.1", sensu.ports["client"])) for _ in range(100)]
    try:
        assert sensu.say(RESULT) == b"ok"
    finally:
        for connection in silent:
            connection.close()


def test_who_goes_on_talking_after_the_answer_keeps_nobody_out(sensu):
    over = threading.Event()
    crowd = [socket.create_connection(("127.0.0.1", sensu.ports["client"])) for _ in range(300)]

    def drip():
        while not over.wait(0.1):
            for connection in crowd:
                with contextlib.suppress(OSError):
                    connection.send(b" ")

    dripping = threading.Thread(target=drip)
    try:
        for connection in crowd:
            connection.sendall(b"ping")
        dripping.start()
        with socket.create_connection(("127.0.0.1", sensu.ports["client"]), timeout=5) as client:
            client.sendall(RESULT)
            assert client.recv(100) == b"ok"
    finally:
        over.set()
        dripping.join()
        for connection in crowd:
            connection.close()


def test_datagrams_are_taken_on_the_same_number_and_never_answered(sensu):
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", sensu.ports["client"]))
        for message in (b"ping", b"no", b"{}", RESULT, b"[%b]" % RESULT):
            client.send(message)
        wait_until(lambda: len(sensu.records("sensu/result")) == 2)
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(10)
    assert sensu.get("/events/web-1/disk")["occurrences"] == 2


def test_what_is_wrong_again_and_again_is_one_line_in_the_log_and_no_line_of_its_own(sensu, caplog):
    for number in range(5):
        assert sensu.say(b'{"name": "disk", "output": "", "a\\nb%d": 1e999}' % number) == b"invalid"
    lines = [record.getMessage() for record in caplog.records if "not taken" in record.getMessage()]
    assert len(lines) == 1
    assert "\n" not in lines[0]


def wait_until(is_so):
    import time

    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_where_one_of_both_is_taken_neither_is_open(sensu):
    number = sensu.ports["client"]
    sensu.listeners["sensu.client"].stop()
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", number))
        one = ClientSocket(f"127.0.0.1:{number}", lambda _: None, ignored)
        with pytest.raises(OSError, match="in use"):
            one.start()
        assert not one.is_alive()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", number))
    sensu.listeners["sensu.client"].start()
    assert sensu.say(RESULT) == b"ok"


def test_a_fault_of_ours_is_never_ok(sensu, caplog):
    number = sensu.ports["client"]
    sensu.listeners["sensu.client"].stop()

    def fail(_):
        raise ZeroDivisionError

    one = ClientSocket(f"127.0.0.1:{number}", fail, ignored)
    one.start()
    try:
        assert sensu.say(RESULT) == b"invalid"
    finally:
        one.stop()
    assert "ZeroDivisionError" in caplog.text
    sensu.listeners["sensu.client"].start()


# The HTTP socket


def test_the_http_socket_says_ok_in_its_own_words(sensu):
    status, _, body = sensu.ask("POST", "/results", RESULT, port="http", **JSON)
    assert (status, json.loads(body)) == (202, {"response": "ok"})
    assert sensu.get("/events/web-1/disk")["occurrences"] == 1


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_anything_but_json_is_415(sensu, kind):
    headers = {"Content-Type": kind} if kind else {}
    assert sensu.ask("POST", "/results", RESULT, port="http", **headers)[0] == 415
    assert sensu.records("sensu/result") == []


def test_the_kind_may_name_a_charset(sensu):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert sensu.ask("POST", "/results", RESULT, port="http", **headers)[0] == 202


@pytest.mark.parametrize("body", [b"", b"no", b"{", b'{"name": "a", "output": 1e999}', b"\xff"])
def test_what_is_no_json_is_said_in_its_own_words(sensu, body):
    status, _, said = sensu.ask("POST", "/results", body, port="http", **JSON)
    assert (status, json.loads(said)) == (400, {"response": "Failed to parse JSON body"})


def test_a_wrong_result_is_400_and_one_of_a_list_is_named_by_its_index(sensu):
    status, _, said = sensu.ask("POST", "/results", b'{"name": "disk"}', port="http", **JSON)
    assert (status, "output" in json.loads(said)["response"]) == (400, True)
    status, _, said = sensu.ask("POST", "/results", b"[%b, 5]" % RESULT, port="http", **JSON)
    assert (status, json.loads(said)["response"].startswith("[1]:")) == (400, True)
    assert sensu.records("sensu/result") == []


def test_a_result_of_more_than_200_kib_is_413(sensu):
    body = b'{"name": "disk", "output": "%b"}' % (b"x" * 204_800)
    assert sensu.ask("POST", "/results", body, port="http", **JSON)[0] == 413
    body = b'{"name": "disk", "output": "%b"}' % (b"x" * 200_000)
    assert sensu.ask("POST", "/results", body, port="http", **JSON)[0] == 202


def test_other_paths_and_verbs_are_404_and_405(sensu):
    assert sensu.ask("POST", "/nothing", RESULT, port="http", **JSON)[0] == 404
    status, headers, _ = sensu.ask("GET", "/results", port="http")
    assert (status, headers["Allow"]) == (405, "POST")
    assert sensu.ask("GET", "/info", port="http")[0] == 200


# Whatever comes

SAMPLE = (
    b'[{"name": "disk", "output": "full", "status": 2}, {"name": "load", "output": "", "source": "db-7"}]'
)


def damaged(data):
    body = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(body)))
        upto = data.draw(st.integers(at, min(len(body), at + 20)))
        body[at:upto] = data.draw(
            st.binary(max_size=8)
            | st.sampled_from([b"null", b"[]", b"{}", b"1e999", b'"', b"\\u", b"ping", b"true"])
        )
    return bytes(body)


def post_damaged(sensu, data):
    body = damaged(data)
    before = len(sensu.records("sensu/result"))
    match data.draw(st.sampled_from(["tcp", "http", "api"])):
        case "tcp":
            cut = data.draw(st.integers(0, len(body)))
            said = sensu.say(*filter(None, (body[:cut], body[cut:])), end=True)
            is_taken = said == b"ok"
            assert said in {b"ok", b"invalid"} | ({b"pong"} if body.strip() == b"ping" else set()) | (
                {b""} if not body else set()
            )
        case port:
            status = sensu.ask("POST", "/results", body, port=port, **JSON)[0]
            is_taken = status == 202
            assert status in {202, 400}
    assert (len(sensu.records("sensu/result")) > before) == is_taken
    assert sensu.ask("GET", "/events")[0] == sensu.ask("GET", "/results")[0] == 200


_QUIETLY = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=60, **_QUIETLY)
@given(data=st.data())
def test_whatever_is_sent_a_success_means_on_disk_and_anything_else_that_nothing_is(sensu, data):
    post_damaged(sensu, data)


@pytest.mark.torture
@settings(max_examples=10_000, **_QUIETLY)
@given(data=st.data())
def test_whatever_is_sent_many_times_a_success_means_on_disk(sensu, data):
    post_damaged(sensu, data)


segments = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["events", "web-1", "disk", "stashes", "%", "..", "resolve"]
)


def ask_anything(sensu, data):
    from urllib.parse import quote

    path = "/" + "/".join(quote(part, safe="%") for part in data.draw(st.lists(segments, max_size=4)))
    query = quote(
        data.draw(
            st.text(max_size=20) | st.sampled_from(["limit=1", "limit=99999999999999999999", "offset=1"])
        ),
        safe="=&",
    )
    method = data.draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]))
    status, headers, _ = sensu.ask(method, f"{path}?{query}", damaged(data))
    assert status in {200, 201, 202, 204, 400, 404, 405, 412, 413}
    assert headers["Access-Control-Allow-Origin"] == "*"


@settings(max_examples=60, **_QUIETLY)
@given(data=st.data())
def test_whatever_is_asked_of_the_api_it_answers_in_its_own_shape(sensu, data):
    ask_anything(sensu, data)


@pytest.mark.torture
@settings(max_examples=10_000, **_QUIETLY)
@given(data=st.data())
def test_whatever_is_asked_of_the_api_many_times_it_answers_in_its_own_shape(sensu, data):
    ask_anything(sensu, data)
