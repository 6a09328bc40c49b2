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

from agent.chunk import entries
from agent.cli.ask import LostAnswerError, NotAnsweringError, ask
from agent.intake.server import IntakeError, Server
from agent.intake.wire import Answer, Limits
from spool import Spool, SpoolReader


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


def titles(spool) -> list[str]:
    with SpoolReader.open(spool.directory) as reader:
        return [
            json.loads(body)["msg_title"] for stored in reader.records() for body in entries(stored.record)
        ]


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
from agent.systems.stackstate.dialect import StackStateDialect
from agent.http.message import Request
from spool import Spool
spool = Spool.open(Path({str(tmp_path / "spool")!r}))
capture = Capture(spool, Identity("web-1"))
request = Request("POST", "/intake", "/intake", "", (), b'{{"events": {{"custom": [{{"msg_title": "kept"}}]}}}}')
parsed = StackStateDialect().parse(request, capture.identity)
capture.keep_posted(parsed.events, parsed.identity)
print("kept", flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"kept\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    with Spool.open(tmp_path / "spool") as spool:
        assert titles(spool) == ["kept"]
