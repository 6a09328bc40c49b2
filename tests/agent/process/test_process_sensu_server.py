"""The whole agent beside a Sensu server: as its source across kills and outages, and as a destination of local checks."""

import http.client
import json
from contextlib import closing

import pytest
from harness.free_ports import free_port

from agent.systems.registry import stand_in


@pytest.fixture
def server():
    with stand_in("sensu", port=free_port()) as one:
        yield one


def report(server, status, name="disk"):
    result = {"name": name, "source": "web-1", "status": status, "output": "so", "executed": 7}
    server.rules.events.take(result)


def titles(receiver):
    """Return what was told; what a kill had delivered again counts once, by its identifier."""
    found = {one.identifier: one.event["msg_title"] for one in receiver.received if one.name == "sensu"}
    return [*found.values()]


def came(server):
    """Return what a Sensu got of the check, as it came."""
    return [one.event for one in server.received if one.event["name"] == "disk"]


def poll(agent, server):
    agent.configure_application("sensu", sensu_api={"url": server.url, "interval": "100ms"})


def test_events_of_a_server_arrive_once_across_kills_and_none_is_resolved_while_it_is_down(
    agent, receiver, server, wait_until
):
    poll(agent, server)
    report(server, 1)
    agent.start()
    wait_until(lambda: len(titles(receiver)) == 1)
    agent.kill()
    report(server, 2)
    agent.start()
    wait_until(lambda: len(titles(receiver)) == 2)
    port = server.port
    server.close()
    wait_until(lambda: "cannot be looked at: Connection refused" in agent.detail("sensu_api"))
    agent.kill()
    agent.start()
    wait_until(lambda: "cannot be looked at" in agent.detail("sensu_api"))
    with stand_in("sensu", port=port):  # one that has lost everything
        wait_until(lambda: len(titles(receiver)) == 3)
    assert titles(receiver) == [
        "disk on web-1 is WARNING",
        "disk on web-1 is CRITICAL",
        "disk on web-1 is resolved",
    ]
    assert "Traceback" not in agent.log()


def test_a_reload_begins_and_ends_to_poll(agent, receiver, server, wait_until):
    report(server, 1)
    agent.start()
    poll(agent, server)
    agent.reload()
    wait_until(lambda: titles(receiver))
    (agent.directory / "conf.d" / "sensu.yaml").unlink()
    agent.reload()
    assert "sensu_api" not in agent.status()["collectors"]
    assert titles(receiver) == ["disk on web-1 is WARNING"]


def test_what_local_checks_report_arrives_at_sensu_unchanged_across_an_outage_and_a_kill(
    agent, server, wait_until
):
    address = f"127.0.0.1:{free_port()}"
    agent.configure(
        destinations={"s": {**server.destination, "backoff": {"initial": "50ms", "max": "200ms"}}},
        intake={"socket": str(agent.socket), "sensu": {"http": address}},
    )
    agent.start()
    wait_until(lambda: "sensu.http" in agent.status()["listens"])
    everything = {
        "name": "disk", "output": "é", "status": 2, "source": "web-9", "executed": 7, "custom": {"a": [1, {}]},
    }  # fmt: skip

    def post(result):
        connection = http.client.HTTPConnection(address, timeout=60)
        with closing(connection):
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/results", json.dumps(result), headers)
            assert connection.getresponse().status == 202

    post(everything)
    wait_until(lambda: came(server) == [everything])
    port = server.port
    server.close()
    for status in (2, 0):
        post(everything | {"status": status})
    agent.kill()
    with stand_in("sensu", port=port) as back:
        agent.start()
        wait_until(lambda: len(came(back)) == 2)
        assert came(back) == [everything, everything | {"status": 0}]
        assert not [one for one in back.received if one.event["name"] == "SensuEvent"]
        assert back.report.broken == {}
