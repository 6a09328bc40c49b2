"""What the socket answers, and that 200 means it is on disk."""

import json
import signal
import subprocess
import sys

import pytest

from agent.capture import Capture
from agent.chunk import entries
from agent.cli.ask import ask
from agent.events.identity import Identity
from agent.intake.listeners import SocketListener
from agent.intake.rate import Rate
from agent.intake.routes import Routes
from agent.intake.share import Share
from spool import Spool, SpoolFull, SpoolReader

EVENT = {"msg_title": "x"}


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        yield spool


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(answer, **more) -> SocketListener:
        server = SocketListener(tmp_path / "run" / "intake.sock", answer, **more)
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


def intake(server: SocketListener, *events, **more):
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
