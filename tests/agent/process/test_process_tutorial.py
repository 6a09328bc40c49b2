"""The tutorial's way to send an event, through the agent: `STS_STS_URL` leads to its port, `STS_API_KEY` is its token."""

import json
import os
import shutil
import subprocess

import pytest
from harness.free_ports import free_port

from agent.stand_in import Reply

LINE = r"""TS=`date +%s`; cat event.json | \
    sed -e "s/##TIMESTAMP##/$TS/" | \
    curl -H "Content-Type: application/json" -X POST \
    -d @- ${STS_STS_URL}/intake/\?api_key\=${STS_API_KEY}"""

TAGS = [
    "configuration_version:1700000000",
    "transaction_uuid:t-1",
    "catalog_uuid:c-1",
    "environment:production",
]
EVENT = {
    "context": {
        "category": "Changes",
        "data": {},
        "element_identifiers": ["urn:host:/localhost.localdomain"],
        "source": "Puppet",
        "source_links": [{"title": "Console", "url": "https://puppet.example.com/report/1"}],
    },
    "event_type": "ConfigurationChangedEvent",
    "msg_title": "Puppet run for localhost.localdomain changed",
    "msg_text": "A file was changed.",
    "source_type_name": "ConfigurationChangedEvent",
    "tags": [*TAGS, "status: changed"],
    "timestamp": "##TIMESTAMP##",
}
BODY = {
    "collection_timestamp": "##TIMESTAMP##",
    "events": {"puppet": [EVENT]},
    "internalHostname": "localhost.localdomain",
    "metrics": [],
    "service_checks": [],
    "topologies": [],
}


@pytest.fixture
def port(agent):
    """Give the agent a port with a token, not started yet."""
    assert shutil.which("curl"), "the tutorial posts by curl: apt-get install curl"
    chosen = free_port()
    token = agent.directory / "token"
    token.write_text("the-token\n")
    listen = {"listen": f"127.0.0.1:{chosen}", "token_file": str(token)}
    agent.configure(intake={"socket": str(agent.socket), "http": listen})
    (agent.directory / "event.json").write_text(
        json.dumps(BODY, indent=2).replace('"##TIMESTAMP##"', "##TIMESTAMP##")
    )
    return chosen


@pytest.fixture
def follow(agent, port):
    """Run the tutorial's line; return what curl printed."""

    def follow(key="the-token"):
        environ = {
            "STS_STS_URL": f"http://127.0.0.1:{port}/stsAgent",
            "STS_API_KEY": key,
            "no_proxy": "127.0.0.1",
        }
        return subprocess.run(
            ["sh", "-c", LINE], cwd=agent.directory, env={**os.environ, **environ}, text=True,
            capture_output=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    return follow


def of_puppet(received):
    return [one for one in received if one.name == "puppet"]


def test_the_tutorials_line_delivers_its_event_through_the_agent(agent, receiver, follow):
    agent.start()
    assert json.loads(follow()) == {"kept": 1}
    (one,) = of_puppet(receiver.wait_for(of_puppet, 60))
    assert one.event["host"] == "localhost.localdomain"
    assert isinstance(one.event["timestamp"], int)
    assert not one.problems
    came = {key: value for key, value in one.event.items() if key not in ("timestamp", "host", "context")}
    assert came == {key: value for key, value in EVENT.items() if key not in ("timestamp", "context")}
    assert one.event["context"] == {**EVENT["context"], "source_identifier": one.identifier}
    assert one.identifier


def test_it_does_so_as_well_while_the_receiver_is_down_and_the_agent_is_killed(agent, receiver, follow):
    receiver.intercept = lambda _: Reply(503, b"down")
    agent.start()
    assert json.loads(follow()) == {"kept": 1}
    agent.kill()
    agent.start()
    receiver.intercept = None
    (one,) = of_puppet(receiver.wait_for(of_puppet, 60))
    assert one.event["msg_title"] == EVENT["msg_title"]


def test_a_wrong_key_is_refused_as_a_receiver_would(agent, receiver, follow):
    agent.start()
    assert "the-token" not in follow("wrong")
    agent.stop()
    assert of_puppet(receiver.received) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_an_agent_that_the_same_environment_leads_to_itself_keeps_everything_and_sends_nothing(
    agent, port, follow, host
):
    del agent.settings["destinations"]
    agent.configure()
    environ = {"STS_STS_URL": f"http://{host}:{port}/stsAgent", "STS_API_KEY": "the-token"}
    checked = agent.command("check", check=False, env={**os.environ, **environ})
    assert checked.returncode == 2
    assert "$STS_STS_URL:1: destinations.stackstate.url: is this agent's own intake.http" in checked.stderr
    agent.start(**environ)
    assert json.loads(follow()) == {"kept": 1}
    (destination,) = agent.status()["destinations"].values()
    assert (destination["state"], destination["delivered"]) == ("paused", 0)
    assert "this agent's own intake.http" in destination["reason"]
    assert [one["event_type"] for one in agent.history()].count("ConfigurationChangedEvent") == 1
    assert agent.stop() == 0
