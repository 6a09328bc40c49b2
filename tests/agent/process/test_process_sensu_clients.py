"""Sensu's own programs, unmodified: they post to the agent and ask it as they would a Sensu server."""

import json
import socket
import subprocess
import sys
import time

import pytest
from harness.free_ports import free_port


@pytest.fixture
def ports(agent):
    """Start an agent with Sensu's ports and return these."""
    chosen = {name: free_port() for name in ("api", "client", "http")}
    sensu = {name: f"127.0.0.1:{port}" for name, port in chosen.items()}
    agent.configure(intake={"socket": str(agent.socket), "sensu": sensu})
    agent.start()
    deadline = time.monotonic() + 60
    while len(agent.status()["listens"]) < 4:
        assert time.monotonic() < deadline, agent.log()
    return chosen


def python(script):
    """Run a script of a client's user; return what it printed, as JSON."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout or "null")


def curl(*words):
    ran = subprocess.run(
        ["curl", "--silent", "--show-error", *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def told(receiver):
    return [one.event["msg_title"] for one in receiver.received if one.name == "sensu"]


def test_pysensu_yelp_sends_an_event_that_arrives_at_the_receiver(receiver, ports, wait_until):
    python(
        "import pysensu_yelp; pysensu_yelp.send_event(name='backup', runbook='http://y/rb',"
        " status=pysensu_yelp.Status.CRITICAL, output='no backup', team='ops', source='db-7',"
        f" sensu_host='127.0.0.1', sensu_port={ports['client']})"
    )
    wait_until(lambda: told(receiver))
    assert told(receiver) == ["backup on db-7 is CRITICAL"]
    (event,) = [one.event for one in receiver.received if one.name == "sensu"]
    assert event["context"]["data"]["runbook"] == "http://y/rb"


def test_pysensu_reads_and_changes_what_a_sensu_server_would_show(receiver, ports, wait_until):
    curl("-d", '{"name": "disk", "output": "full", "status": 2}', f"http://127.0.0.1:{ports['api']}/results")
    seen = python(
        "import json; from pysensu import pysensu;"
        " one = pysensu.Pysensu.__new__(pysensu.Pysensu);"
        f" one.api_url = 'http://127.0.0.1:{ports['api']}'; host = 'test.example.com';"
        " one.create_stash(host, 'disk'); stashes = one.get_all_stashes(); one.delete_stash(host, 'disk');"
        " event = one.get_event(host, 'disk'); all = one.get_all_events(); his = one.get_all_client_events(host);"
        " history = one.get_client_history(host); client = one.get_client(host);"
        " clients = one.get_all_clients(); checks = one.get_all_checks(); one.get_check('disk');"
        " one.resolve_event(host, 'disk');"
        " print(json.dumps([stashes, event == all[0] == his[0] or event['id'] == all[0]['id'] == his[0]['id'],"
        " history[0]['history'], client['name'], len(clients), checks[0]['name'], one.get_all_events()]))"
    )
    stash = {"path": "test.example.com/disk", "content": {}, "expire": -1}
    assert seen == [[stash], True, [2], "test.example.com", 1, "disk", []]
    wait_until(lambda: len(told(receiver)) == 2)
    assert told(receiver) == ["disk is CRITICAL", "disk is resolved"]


def test_a_handler_of_sensu_plugin_finds_the_event_of_a_check(ports):
    curl("-d", '{"name": "disk", "output": "full", "status": 2}', f"http://127.0.0.1:{ports['api']}/results")
    seen = python(
        "import json; from sensu_plugin import SensuHandler; one = SensuHandler(autorun=False);"
        f" one.api_settings = {{'host': 'http://127.0.0.1', 'port': {ports['api']}}};"
        " print(json.dumps([one.event_exists('test.example.com', 'disk'), one.event_exists('other', 'disk'),"
        " one.stash_exists('/silence/test.example.com')]))"
    )
    assert seen == [True, False, False]


def test_the_lines_of_the_documentation_work_as_they_are(receiver, ports, wait_until):
    """But for the port, which the test chooses."""
    api = f"http://localhost:{ports['api']}"
    check = {
        "name": "sensu_website",
        "source": "client-01",
        "output": "CheckHttp WARNING: 301\n",
        "status": 1,
    }
    with socket.create_connection(("127.0.0.1", ports["client"]), timeout=60) as connection:
        connection.sendall(json.dumps(check).encode())
        assert connection.recv(10) == b"ok"
    assert json.loads(curl("-s", f"{api}/events"))[0]["check"]["status"] == 1
    assert json.loads(curl("-s", f"{api}/events/client-01"))[0]["occurrences"] == 1
    assert json.loads(curl("-s", f"{api}/events/client-01/sensu_website"))["action"] == "create"
    deleted = curl("-s", "-i", "-X", "DELETE", f"{api}/events/client-01/sensu_website")
    assert deleted.startswith("HTTP/1.1 202 Accepted\nContent-Type: application/json\n")
    assert '\n\n{"issued":' in deleted
    posted = ("-s", "-i", "-X", "POST", "-H", "Content-Type: application/json", "-d")
    nobody = '{"client": "non-existent-client", "check": "non-existent-check"}'
    missing = curl(*posted, nobody, f"{api}/resolve")
    assert missing.startswith("HTTP/1.1 404 Not Found\n")
    assert "\nContent-Length: 0\n" in missing
    curl("-d", json.dumps(check), f"{api}/results")
    resolved = curl(*posted, '{"client": "client-01", "check": "sensu_website"}', f"{api}/resolve")
    assert resolved.startswith("HTTP/1.1 202 Accepted\n")
    wait_until(lambda: len(told(receiver)) == 4)
    assert [title.rpartition(" is ")[2] for title in told(receiver)] == ["WARNING", "resolved"] * 2
