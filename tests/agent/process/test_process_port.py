"""The intake's port: programs of this host that show its token post as they would to the system itself."""

import http.client
import json
import socket
from http import HTTPStatus

import pytest
from harness.free_ports import free_port

BODY = b'{"internalHostname": "edge-7", "events": {"custom": [{"msg_title": "by the port"}]}}'


@pytest.fixture
def port(agent, wait_until):
    """Start an agent with a port and return that."""
    chosen = free_port()
    token = agent.directory / "token"
    token.write_text("right\n")
    listen = {"listen": f"127.0.0.1:{chosen}", "token_file": str(token)}
    agent.configure(intake={"socket": str(agent.socket), "http": listen})
    agent.start()
    wait_until(lambda: accepts(chosen), agent.log)  # the socket answers a moment before the port is open
    return chosen


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def ask(port, method, target, body=b"", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, target, body, {"Host": f"127.0.0.1:{port}", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_program_that_shows_the_token_posts_by_the_port(agent, port):
    status, said = ask(port, "POST", "/stsAgent/intake/?api_key=right", BODY)
    assert (status, json.loads(said)) == (200, {"kept": 1})
    assert ask(port, "POST", "/intake", BODY, **{"sts-api-key": "right"})[0] == HTTPStatus.OK
    assert "by the port" in agent.command("log").stdout


def test_without_it_nothing_is_kept_and_the_daemons_own_paths_do_not_exist(agent, port):
    assert ask(port, "POST", "/stsAgent/intake", BODY)[0] == HTTPStatus.UNAUTHORIZED
    status, said = ask(port, "POST", "/stsAgent/intake?api_key=wrong", BODY)
    assert status == HTTPStatus.FORBIDDEN
    assert b"right" not in said
    for path in ("/status", "/health", "/rejected/retry", "/metrics"):
        assert ask(port, "GET", path + "?api_key=right")[0] == HTTPStatus.NOT_FOUND
    assert "by the port" not in agent.command("log").stdout


@pytest.mark.parametrize(
    "path", ["/intake?api_key=right", "/api/v1/events", "/e/env/api/v2/events/ingest", "/right/event"]
)
def test_a_page_in_a_browser_cannot_post_in_any_dialect(port, path):
    for header in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        shown = {"Authorization": "Api-Token right", **header}
        assert ask(port, "POST", path, BODY, **shown)[0] == HTTPStatus.FORBIDDEN


def test_another_token_counts_from_the_next_request_on(agent, port):
    (agent.directory / "token").write_text("new\n")
    assert ask(port, "POST", "/intake?api_key=right", BODY)[0] == HTTPStatus.FORBIDDEN
    assert ask(port, "POST", "/intake?api_key=new", BODY)[0] == HTTPStatus.OK
    (agent.directory / "token").write_text("\n")
    assert ask(port, "POST", "/intake?api_key=", BODY)[0] == HTTPStatus.UNAUTHORIZED
