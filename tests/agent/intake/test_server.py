"""The socket: who may, how many at once, and that 200 means it is on disk."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading

import pytest

from agent.capture import Capture
from agent.chunk import entries
from agent.cli.ask import LostAnswerError, NotAnsweringError, ask
from agent.events.identity import Identity
from agent.intake.rate import Rate
from agent.intake.routes import Routes
from agent.intake.server import IntakeError, Server
from agent.intake.share import Share
from agent.intake.wire import Answer, Limits
from spool import Spool, SpoolFull, SpoolReader

EVENT = {"msg_title": "x"}


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        yield spool


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(answer, **more) -> Server:
        server = Server(tmp_path / "run" / "intake.sock", answer, **more)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


def routes(spool, **more) -> Routes:
    values = {
        "capture": Capture(spool, Identity("web-1")),
        "rate": Rate(10, 100),
        "share": Share(lambda: 0, lambda: 1_000_000),
        "status": lambda: {"running": True},
        "retry": lambda ids: len(ids or "all"),
        "discard": lambda ids: len(ids or ""),
    }
    return Routes(**{**values, **more})


def intake(server: Server, *events, **more):
    body = json.dumps({"events": {"custom": events}, **more}).encode()
    return ask(server.path, "POST", "/stsAgent/intake", body, timeout_seconds=30)


def titles(spool) -> list[str]:
    with SpoolReader.open(spool.directory) as reader:
        return [
            json.loads(body)["msg_title"] for stored in reader.records() for body in entries(stored.record)
        ]


def test_what_is_answered_with_200_is_on_disk(serve, spool):
    server = serve(routes(spool).answer)
    reply = intake(server, {"msg_title": "one"}, {"msg_title": "two"})
    assert (reply.status, json.loads(reply.body)) == (200, {"kept": 2})
    assert titles(spool) == ["one", "two"]


@pytest.mark.parametrize("path", ["/stsAgent/intake/", "/stsAgent/intake?api_key=ignored"])
def test_the_path_may_have_a_slash_and_a_key(serve, spool, path):
    server = serve(routes(spool).answer)
    assert ask(server.path, "POST", path, b'{"events": {"custom": [{"msg_title": "x"}]}}').is_ok
    assert titles(spool) == ["x"]


def test_nothing_of_a_request_with_a_bad_event_is_kept(serve, spool):
    server = serve(routes(spool).answer)
    reply = intake(server, EVENT, EVENT, {"msg_title": 5})
    assert reply.status == 400
    assert "events.custom[2]" in reply.reason
    assert titles(spool) == []


def test_a_flood_gets_429_and_when_to_come_again(serve, spool):
    server = serve(routes(spool).answer)
    assert intake(server, *[EVENT] * 100).is_ok
    reply = intake(server, *[EVENT] * 20)
    assert reply.status == 429
    assert len(titles(spool)) == 100


def test_a_spool_without_room_is_507(serve, spool):
    server = serve(routes(spool, share=Share(lambda: 0, lambda: 10)).answer)
    assert intake(server, EVENT).status == 507


def test_a_spool_that_rejects_is_507(serve, spool):
    class Full(Capture):
        def keep_posted(self, *_):
            raise SpoolFull("the spool is full")

    server = serve(routes(spool, capture=Full(spool, Identity("web-1"))).answer)
    reply = intake(server, EVENT)
    assert (reply.status, reply.reason) == (507, "the spool is full")


@pytest.mark.parametrize(
    ("request_", "body", "status"),
    [
        ("GET /stsAgent/api/v1/validate", b"", 200),
        ("GET /status", b"", 200),
        ("GET /stsAgent/intake", b"", 405),
        ("POST /status", b"", 405),
        ("GET /", b"", 404),
        ("POST /stsAgent", b"", 404),
        ("POST /rejected/retry", b'{"ids": [1, 2]}', 200),
        ("POST /rejected/retry", b'{"all": true}', 200),
        ("POST /rejected/discard", b'{"ids": [1, 2]}', 200),
        ("POST /rejected/discard", b'{"ids": [1], "all": true}', 400),
        ("POST /rejected/discard", b"{}", 400),
        ("POST /rejected/discard", b"[]", 400),
    ],
)
def test_each_path_has_its_answer(serve, spool, request_, body, status):
    method, path = request_.split()
    assert ask(serve(routes(spool).answer).path, method, path, body).status == status


def test_the_socket_is_for_the_owner_and_the_group(serve):
    server = serve(lambda _: Answer(200))
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o660


def test_a_socket_that_was_left_is_taken_over(serve, tmp_path):
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "run" / "intake.sock"))
    assert ask(serve(lambda _: Answer(200)).path, "GET", "/").is_ok


def test_a_socket_that_answers_is_not_taken_away(serve):
    server = serve(lambda _: Answer(200))
    with pytest.raises(IntakeError, match="another program"):
        Server(server.path, lambda _: Answer(500)).start()
    assert ask(server.path, "GET", "/").is_ok


def test_after_the_end_nobody_answers_and_the_socket_is_gone(serve):
    server = serve(lambda _: Answer(200))
    server.stop()
    assert not server.path.exists()
    with pytest.raises(NotAnsweringError):
        ask(server.path, "GET", "/")


def test_what_is_being_answered_at_the_end_is_answered(serve):
    asked, go_on = threading.Event(), threading.Event()

    def answer(_):
        asked.set()
        go_on.wait(30)
        return Answer(200, b"done")

    server = serve(answer)
    replies = []
    client = threading.Thread(target=lambda: replies.append(ask(server.path, "GET", "/")))
    client.start()
    asked.wait(30)
    ending = threading.Thread(target=server.stop)
    ending.start()
    go_on.set()
    client.join()
    ending.join()
    assert replies[0].body == b"done"


def test_a_connection_serves_one_request_after_the_other(serve):
    server = serve(lambda request: Answer(200, request.path.encode()))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(server.path))
        for path in (b"/1", b"/2"):
            client.sendall(b"GET " + path + b" HTTP/1.1\r\n\r\n")
            assert client.recv(1000).endswith(path)


def test_more_connections_than_allowed_wait_for_their_turn(serve):
    server = serve(lambda _: Answer(200), max_connections=1)
    with socket.socket(socket.AF_UNIX) as first:
        first.connect(str(server.path))
        with pytest.raises(LostAnswerError):
            ask(server.path, "GET", "/", timeout_seconds=0.2)
    assert ask(server.path, "GET", "/", timeout_seconds=30).is_ok


def test_a_client_that_says_nothing_does_not_keep_its_place(serve):
    server = serve(lambda _: Answer(200), max_connections=1, limits=Limits(idle_seconds=0.05))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(server.path))
        assert ask(server.path, "GET", "/", timeout_seconds=30).is_ok


def test_nonsense_gets_an_answer_and_the_end(serve):
    server = serve(lambda _: Answer(200))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(server.path))
        client.sendall(b"nonsense\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 400 ")
        assert client.recv(1000) == b""


def test_who_connects_is_logged(serve, caplog):
    with caplog.at_level("INFO"):
        ask(serve(lambda _: Answer(200)).path, "GET", "/")
    assert f"uid {os.getuid()}, pid {os.getpid()}" in caplog.text


def test_what_was_answered_with_200_survives_sigkill(tmp_path):
    code = f"""
import sys, signal
from pathlib import Path
from agent.capture import Capture
from agent.events.identity import Identity
from agent.intake.posted import parse
from spool import Spool
spool = Spool.open(Path({str(tmp_path / "spool")!r}))
capture = Capture(spool, Identity("web-1"))
capture.keep_posted(parse(b'{{"events": {{"custom": [{{"msg_title": "kept"}}]}}}}', capture.identity))
print("kept", flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"kept\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    with Spool.open(tmp_path / "spool") as spool:
        assert titles(spool) == ["kept"]
