"""What a Prometheus reads from a running agent, by the official parser: on the socket, and on a port of its own."""

import http.client
import os
import re
import socket
from http import HTTPStatus
from pathlib import Path

import pytest
from harness.free_ports import free_port
from prometheus_client.parser import text_string_to_metric_families

from agent.cli.daemon_client import ask
from agent.stand_in import Reply


def samples(text):
    """Return every sample: name and labels -> value."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(agent):
    reply = ask(agent.socket, "GET", "/metrics", timeout_seconds=60)
    assert reply.is_ok
    return samples(reply.body.decode())


def of(destination, name, found):
    return found[f"sts_agent_{name}", ("destination", destination)]


@pytest.fixture
def port(agent):
    chosen = free_port()
    agent.configure(metrics={"listen": f"127.0.0.1:{chosen}"})
    return chosen


def get(port, path="/metrics", address="127.0.0.1", method="GET", **headers):
    connection = http.client.HTTPConnection(address, port, timeout=60)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_what_was_captured_delivered_and_waits_is_told_as_status_tells_it(agent, receiver, wait_until):
    agent.watch_files()
    agent.start()
    agent.post("one", "two", "three")
    receiver.wait_for(4, 60)
    wait_until(lambda: agent.status()["destinations"]["receiver"]["waiting_events"] == 0)
    found = scrape(agent)
    status = agent.status()
    assert found["sts_agent_events_captured_total", ("collector", "intake")] == 3
    assert found["sts_agent_events_captured_total", ("collector", "agent")] == 1
    assert found["sts_agent_events_captured_total", ("collector", "files")] == 0
    assert of("receiver", "events_delivered_total", found) == status["destinations"]["receiver"]["delivered"]
    assert of("receiver", "waiting_events", found) == of("receiver", "oldest_waiting_seconds", found) == 0
    assert of("receiver", "delivery_latency_seconds_count", found) == 4
    assert found["sts_agent_spool_max_size_bytes",] == status["spool"]["max_size_bytes"]
    assert 0 < found["sts_agent_spool_size_bytes",] < found["sts_agent_spool_max_size_bytes",]
    assert found["sts_agent_configuration_info", ("hash", status["configuration_hash"])] == 1
    assert found["sts_agent_build_info", ("version", status["version"])] == 1
    assert found["sts_agent_start_time_seconds",] == pytest.approx(status["started"])
    assert found["sts_agent_collector_state", ("collector", "files"), ("state", "running")] == 1
    assert found["sts_agent_listener_up", ("listener", "socket")] == 1
    assert found["sts_agent_action_needed",] == 0
    assert found["process_resident_memory_bytes",] > 0


def test_trouble_shows_while_it_lasts_and_totals_go_on_after_a_kill(agent, receiver, wait_until):
    receiver.intercept = lambda _: Reply(503)
    agent.destination["only"] = {"types": ["AgentStartedEvent"]}
    agent.configure()
    agent.start()
    agent.send("is filtered out")
    found = wait_until(
        lambda: (now := scrape(agent)) and of("receiver", "delivery_retries_total", now) > 1 and now
    )
    assert of("receiver", "waiting_events", found) == 1
    assert of("receiver", "waiting_bytes", found) > 0
    assert found["sts_agent_destination_state", ("destination", "receiver"), ("state", "idle")] == 0
    receiver.intercept = None
    wait_until(lambda: of("receiver", "events_delivered_total", scrape(agent)) == 1)
    wait_until(lambda: of("receiver", "events_filtered_total", scrape(agent)) == 1)
    agent.kill()
    agent.start()
    wait_until(lambda: of("receiver", "events_delivered_total", scrape(agent)) == 2)
    again = scrape(agent)
    assert of("receiver", "events_filtered_total", again) == 1
    assert again["sts_agent_events_captured_total", ("collector", "intake")] == 0


def test_whoever_posts_events_can_make_no_series(agent):
    agent.start()
    agent.post("first")
    known = scrape(agent).keys()
    for number in range(20):
        agent.post("posted", name=f"odd-{number}")
        agent.send("sent", "--tags", f"number:{number}", "--source", f"source-{number}")
    assert scrape(agent).keys() == known


def test_the_port_opens_and_closes_by_a_reload_and_has_the_metrics_alone(agent, port, wait_until):
    agent.start()
    wait_until(lambda: accepts(port), agent.log)
    status, kind, text = get(port)
    assert (status, kind) == (HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8")
    assert samples(text)["sts_agent_listener_up", ("listener", "metrics")] == 1
    for path in ("/", "/status", "/health", "/stsAgent/intake", "/rejected/list"):
        assert get(port, path)[0] == HTTPStatus.NOT_FOUND
    assert get(port, method="POST")[0] == HTTPStatus.METHOD_NOT_ALLOWED
    del agent.settings["metrics"]
    agent.configure()
    agent.reload()
    assert not accepts(port)


def test_a_web_page_cannot_read_the_port(agent, port, wait_until):
    agent.start()
    wait_until(lambda: accepts(port), agent.log)
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        assert get(port, **headers)[0] == HTTPStatus.FORBIDDEN


def test_at_another_address_a_request_names_this_host_or_an_address(agent, wait_until):
    port = free_port()
    agent.configure(metrics={"listen": f"0.0.0.0:{port}"})
    agent.start()
    wait_until(lambda: accepts(port), agent.log)
    assert "other hosts can read the metrics there" in agent.log()
    for host in (
        "10.0.0.7:9464",
        "[::1]",
        "test.example.com",
        "TEST.example.com.:9464",
        "test",
        os.uname().nodename,
    ):
        assert get(port, Host=host)[0] == HTTPStatus.OK, host
    for headers in ({"Host": "evil.example"}, {"Host": "test.evil.example"}, {"Host": "["}):
        assert get(port, **headers)[0] == HTTPStatus.FORBIDDEN, headers
    assert get(port, Host="test", Origin="http://test")[0] == HTTPStatus.FORBIDDEN


def test_a_port_that_is_taken_is_one_line_in_the_log_and_needs_action(agent, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        agent.start()
        found = scrape(agent)
        assert found["sts_agent_listener_up", ("listener", "metrics")] == 0
        agent.reload()
        reasons = ask(agent.socket, "GET", "/health", timeout_seconds=60)
    assert len(re.findall(rf"metrics: cannot listen at 127.0.0.1:{port}: .*; trying again", agent.log())) == 1
    assert reasons.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert f"metrics does not listen at 127.0.0.1:{port}" in reasons.body.decode()
    agent.reload()
    assert accepts(port)
    assert ask(agent.socket, "GET", "/health", timeout_seconds=60).is_ok


def test_the_first_scrapes_take_little_memory_and_those_after_them_none(agent):
    agent.start()
    before = resident_bytes(agent)
    for _ in range(100):
        scrape(agent)
    after = resident_bytes(agent)
    assert after - before < 12 * 1024 * 1024
    for _ in range(200):
        scrape(agent)
    assert resident_bytes(agent) - after < 2 * 1024 * 1024


def resident_bytes(agent):
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{agent.process.pid}/status").read_text())
    return int(found[1]) * 1024
