"""Sensu's ports on the whole agent: across kills, reloads and outages of the receiver, and with taken ports."""

import http.client
import json
import socket
import time
from contextlib import closing

import pytest
from harness.free_ports import free_port


@pytest.fixture
def ports(agent):
    chosen = {name: free_port() for name in ("api", "client", "http")}
    listen(agent, **chosen)
    return chosen


def listen(agent, **ports):
    sensu = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    agent.configure(intake={"socket": str(agent.socket), "sensu": sensu})


def start(agent):
    """Start the daemon; its ports are open, or have a problem, when this returns."""
    agent.start()
    wanted = {f"sensu.{name}" for name in agent.settings["intake"]["sensu"]}
    deadline = time.monotonic() + 60
    while not agent.status()["listens"].keys() >= wanted:
        assert time.monotonic() < deadline, agent.log()


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.status == 200 else answer.status


def say(port, message):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(message)
        return connection.recv(100)


def result(status, **more):
    return json.dumps({"name": "disk", "output": "full", "status": status, **more}).encode()


def titles(receiver):
    return [one.event["msg_title"] for one in receiver.received if one.name == "sensu"]


def test_what_a_local_check_reports_arrives_once_when_it_changes(agent, receiver, ports, wait_until):
    start(agent)
    for status in (0, 2, 2, 0):
        assert say(ports["client"], result(status)) == b"ok"
    wait_until(lambda: len(titles(receiver)) == 2)
    assert titles(receiver) == ["disk is CRITICAL", "disk is resolved"]


def test_a_kill_loses_nothing_of_what_was_ok_and_repeats_nothing(agent, receiver, ports, wait_until):
    start(agent)
    for number in range(4):
        assert say(ports["client"], result(2)) == b"ok"
        assert get(ports["api"], "/events/test.example.com/disk")["occurrences"] == number + 1
        agent.kill()
        start(agent)
    event = get(ports["api"], "/events/test.example.com/disk")
    assert (event["occurrences"], event["check"]["history"]) == (4, ["2"] * 4)
    assert say(ports["client"], result(0)) == b"ok"
    wait_until(lambda: "disk is resolved" in titles(receiver))
    assert list(dict.fromkeys(titles(receiver))) == ["disk is CRITICAL", "disk is resolved"]


def test_a_reload_opens_closes_and_moves_ports_and_forgets_nothing(agent, ports):
    listen(agent, client=ports["client"])
    start(agent)
    assert say(ports["client"], result(2)) == b"ok"
    listen(agent, api=ports["api"])
    agent.reload()
    assert get(ports["api"], "/events/test.example.com/disk")["occurrences"] == 1
    with pytest.raises(ConnectionRefusedError):
        say(ports["client"], result(2))
    agent.configure(intake={"socket": str(agent.socket)})
    agent.reload()
    with pytest.raises(ConnectionRefusedError):
        get(ports["api"], "/events")


def test_a_port_that_is_taken_is_one_line_and_a_word_in_status_and_had_at_the_next_reload(agent, ports):
    with socket.create_server(("127.0.0.1", ports["api"])):
        start(agent)
        listens = agent.status()["listens"]
        assert listens["sensu.api"]["problem"]
        assert listens["sensu.client"] == {"address": f"127.0.0.1:{ports['client']}"}
        assert agent.log().count("sensu.api: cannot listen") == 1
    agent.reload()
    assert get(ports["api"], "/events") == []
    assert agent.status()["listens"]["sensu.api"] == {"address": f"127.0.0.1:{ports['api']}"}


def test_a_watched_process_that_ended_is_an_event_until_it_runs_again(agent, ports, wait_until, tmp_path):
    import shutil
    import subprocess

    program = tmp_path / "watched-sleep"
    shutil.copy("/bin/sleep", program)
    agent.configure_application("worker", processes=[{"name": "worker", "match": {"exe": str(program)}}])
    running = subprocess.Popen([program, "1000"])
    try:
        start(agent)
        wait_until(lambda: "watching 1" in agent.detail("processes") or agent.detail("processes"))
        running.kill()
        running.wait()
        wait_until(lambda: get(ports["api"], "/events"))
        event = get(ports["api"], "/events/test.example.com/process-worker")
        assert (event["check"]["status"], event["check"]["process"]) == (2, "worker")
        agent.kill()
        start(agent)
        assert get(ports["api"], "/events/test.example.com/process-worker")["id"] == event["id"]
        running = subprocess.Popen([program, "1000"])
        wait_until(lambda: get(ports["api"], "/events") == [])
    finally:
        running.kill()
        running.wait()


def test_without_its_ports_nothing_of_sensu_is_loaded():
    import subprocess
    import sys

    script = (
        "import sys; from agent.configuration.types import Intake, IntakeHttp; import agent.runtime.daemon;"
        "from agent.runtime.system_ports import SystemPorts; print(SystemPorts(None, None, None).wanted(Intake()), *sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert loaded[0] == "[]"
    assert not [name for name in loaded if name.startswith("agent.systems.sensu")]
