"""Paths lead to the right dialect, and the daemon's own paths are the socket's alone."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from agent.cli.daemon_client import ask
from agent.events.capture import Capture
from agent.events.chunk import entries
from agent.events.identity import Identity
from agent.events.plans import Plans
from agent.http.message import Peer, Request, Response
from agent.intake.control import Control
from agent.intake.dialect import Parsed, Route
from agent.intake.keeping import Keeping
from agent.intake.listeners import SocketListener
from agent.intake.quota import IntakeQuota
from agent.intake.router import Router
from agent.runtime.odd_posts import OddPosts
from agent.runtime.status import Document, SpoolSize
from agent.runtime.status_actions import action_needed
from agent.systems.stackstate.dialect import StackStateDialect
from spool import Spool, SpoolReader

BODY = b'{"events": {"custom": [{"msg_title": "x"}]}}'


class Greedy:
    """A dialect that reads its token from any first segment, as one does."""

    name = "greedy"
    routes = (Route("POST", re.compile("/[^/]+/[^/]+")),)

    def token_of(self, request):
        return request.path.split("/")[1]

    def parse(self, request, identity):  # noqa: ARG002 - the protocol's
        return Parsed(identity)

    def kept(self, parsed):  # noqa: ARG002 - the protocol's
        return Response(202, b"greedy")

    def refused(self, problem):
        return Response(problem.status, b"greedy refuses")


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        yield spool


@pytest.fixture
def document():
    return Document(running=True, hostname="web-1")


@pytest.fixture
def router(spool, document):
    keeping = Keeping(Capture(spool, Identity("web-1")), IntakeQuota(lambda: 0, lambda: 1_000_000))
    control = Control(
        lambda: document,
        lambda: action_needed(document),
        lambda ids: len(ids or "all"),
        lambda ids: len(ids or ""),
        lambda: 7,
        lambda: Response(200, b"metrics"),
        Plans({}, dict),
    )
    return Router([StackStateDialect(), Greedy()], keeping, control)


def request(method, path, body=b"", query="", headers=(), uid=None) -> Request:
    peer = Peer(uid=os.geteuid() if uid is None else uid)
    return Request(method, path, path, query, tuple(headers), body, peer)


@pytest.mark.parametrize("prefix", ["", "/stsAgent", "/receiver/stsAgent"])
@pytest.mark.parametrize("end", ["", "/"])
def test_stackstates_paths_are_taken_with_and_without_a_last_slash(router, prefix, end):
    response = router.answer_socket(request("POST", f"{prefix}/intake{end}", BODY))
    assert (response.status, json.loads(response.body)) == (200, {"kept": 1})
    assert router.answer_socket(request("GET", f"{prefix}/api/v1/validate{end}")).status == 200


@pytest.mark.parametrize(
    ("asked", "body", "status"),
    [
        ("GET /status", b"", 200),
        ("GET /status/", b"", 200),
        ("GET /health", b"", 200),
        ("GET /metrics", b"", 200),
        ("POST /metrics", b"", 405),
        ("GET /stsAgent/intake", b"", 405),
        ("POST /stsAgent/api/v1/validate", b"", 405),
        ("POST /status", b"", 405),
        ("POST /health", b"", 405),
        ("GET /rejected/retry", b"", 405),
        ("GET /", b"", 404),
        ("POST /stsAgent", b"", 404),
        ("POST /intake/x/y", b"", 404),
        ("POST /rejected/retry", b'{"ids": [1, 2]}', 200),
        ("POST /rejected/retry", b'{"all": true}', 200),
        ("POST /rejected/discard", b'{"ids": [1, 2]}', 200),
        ("POST /rejected/discard", b'{"ids": [1], "all": true}', 400),
        ("POST /rejected/discard", b'{"ids": [9223372036854775807]}', 200),
        ("POST /rejected/discard", b'{"ids": [9223372036854775808]}', 400),
        ("POST /rejected/retry", b'{"ids": [0]}', 400),
        ("POST /rejected/discard", b"{}", 400),
        ("POST /rejected/discard", b"[]", 400),
        ("POST /rejected/discard", b"[" * 100_000, 400),
        ("POST /drops/acknowledge", b"", 200),
        ("GET /drops/acknowledge", b"", 405),
        ("POST /a-token/event", b"", 202),
        ("GET /a-token/event", b"", 405),
    ],
)
def test_each_path_has_its_answer(router, asked, body, status):
    method, path = asked.split()
    assert router.answer_socket(request(method, path, body)).status == status


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("GET /status", 200),
        ("GET /health", 200),
        ("POST /stsAgent/intake", 200),
        ("POST /rejected/discard", 403),
        ("POST /drops/acknowledge", 403),
        ("POST /rejected/retry", 403),
        ("POST //rejected/retry/", 403),
        ("GET /rejected/list", 403),
        ("GET /metrics", 403),
        ("GET /history", 403),
    ],
)
def test_who_may_only_post_can_read_how_it_is_and_neither_read_nor_discard_what_the_host_saw(
    router, asked, status
):
    method, path = asked.split()
    body = b'{"all": true}' if "rejected" in path else BODY
    response = router.answer_socket(request(method, path, body, uid=os.geteuid() + 12345))
    assert response.status == status
    if status == 403:
        assert b"for root and the user of the service alone" in response.body


def test_root_may_discard_though_the_service_has_another_user(router):
    assert router.answer_socket(request("POST", "/rejected/discard", b'{"ids": [1]}', uid=0)).status == 200


def test_an_earlier_dialect_has_its_paths_also_for_verbs_that_only_a_later_one_knows(router):
    response = router.answer_socket(request("GET", "/stsAgent/intake"))
    assert dict(response.headers)["Allow"] == "POST"
    assert response.body != b"greedy refuses"


def test_the_daemons_own_paths_do_not_exist_on_the_port(router):
    answer = router.port(lambda: "t")
    for path in ("/status", "/health", "/metrics"):
        assert answer(request("GET", path)).status == 404
    for path in ("/rejected/retry", "/rejected/discard"):  # no dialect takes the first segment for a token
        assert answer(request("POST", path, b'{"all": true}')).status == 404


def test_the_port_asks_for_the_token_before_anything_is_read(router):
    answer = router.port(lambda: "right")
    assert answer(request("POST", "/intake", b"nonsense")).status == 401
    assert answer(request("POST", "/intake", b"nonsense", "api_key=wrong")).status == 403
    assert answer(request("GET", "/stsAgent/api/v1/validate", query="api_key=wrong")).status == 403
    assert answer(request("GET", "/stsAgent/api/v1/validate", query="api_key=right")).status == 200
    assert answer(request("POST", "/wrong/event")).body == b"greedy refuses"
    assert answer(request("POST", "/right/event")).status == 202


@pytest.mark.parametrize("token", ["", "  "])
def test_a_port_whose_token_cannot_be_read_lets_nobody_in(router, token):
    answer = router.port(token.strip)
    for query in ("", "api_key=", "api_key=x"):
        assert answer(request("POST", "/intake", BODY, query)).status in {401, 403}


def test_health_names_the_reasons_when_somebody_has_to_look(router, document):
    document.spool = SpoolSize(
        directory="/x", size_bytes=1, max_size_bytes=2, records=0, events=0, oldest=None, rejected=3
    )
    response = router.answer_socket(request("GET", "/health"))
    assert response.status == 503
    assert "3 events were rejected" in json.loads(response.body)["reasons"][0]


def test_a_client_that_says_the_path_of_another_system_hears_which_paths_there_are_not(router):
    response = router.answer_socket(request("POST", "/a/b/c", BODY))
    assert (response.status, response.body) == (404, b"nothing is at /a/b/c\n")


def test_a_program_posts_by_the_socket(router, tmp_path):
    listener = SocketListener(tmp_path / "s", router.answer_socket)
    listener.start()
    try:
        reply = ask(tmp_path / "s", "POST", "/stsAgent/intake?api_key=ignored", BODY, timeout_seconds=30)
        assert (reply.status, json.loads(reply.body)) == (200, {"kept": 1})
    finally:
        listener.stop()


def test_what_was_answered_with_200_survives_sigkill(tmp_path):
    code = f"""
import signal
from pathlib import Path
from agent.events.capture import Capture
from agent.cli.daemon_client import ask
from agent.events.identity import Identity
from agent.http.message import Request
from agent.systems.stackstate.dialect import StackStateDialect
from spool import Spool, SpoolReader
spool = Spool.open(Path({str(tmp_path / "spool")!r}))
capture = Capture(spool, Identity("web-1"))
parsed = StackStateDialect().parse(Request("POST", "/intake", "/intake", "", (), {BODY!r}), capture.identity)
capture.keep_posted(parsed.events, parsed.identity)
print("kept", flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"kept\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    with SpoolReader.open(tmp_path / "spool") as reader:
        assert [stored.record.count for stored in reader.records()] == [1]


class Breaks(StackStateDialect):
    """A dialect with a fault that some bodies bring out."""

    def parse(self, request, identity):
        if b"bring it out" in request.body:
            raise RecursionError(request.body.decode())
        return super().parse(request, identity)


def test_a_body_that_raises_what_nobody_foresaw_is_told_once_by_its_hash_and_shown(spool, router):
    capture = Capture(spool, Identity("web-1"))
    odd = OddPosts(capture)
    keeping = Keeping(capture, IntakeQuota(lambda: 0, lambda: 1_000_000))
    router = Router([Breaks()], keeping, router.control, odd.met)
    body = b'{"api_key": "s3cret", "bring it out": 1}'
    answers = [router.answer_socket(request("POST", "/intake", one)).status for one in (body, BODY, body)]
    assert answers == [500, 200, 500]
    with SpoolReader.open(spool.directory) as reader:
        events = [json.loads(one) for stored in reader.records() for one in entries(stored.record)]
    [told] = [event for event in events if event["event_type"] == "WatchDegradedEvent"]
    digest = hashlib.sha256(body).hexdigest()
    assert told["context"]["data"] == {
        "sha256": digest,
        "reason": "RecursionError",
        "where": "the intake",
        "size": len(body),
    }
    assert odd.in_words() == f"could not take 1, as {digest}: RecursionError"
    assert "s3cret" not in json.dumps(told)
