"""What a body holds besides events is passed on as it came, whatever happens to the receiver and to the agent."""

import json
import zlib

import pytest

from agent.cli.daemon_client import ask
from agent.stand_in import Reply

SECTIONS = ("metrics", "service_checks", "topologies", "health")
READ = {
    "topologies": {"instance": {"type": "mine", "url": "u"}},
    "health": {"consistency_model": "TRANSACTIONAL_INCREMENTS", "stream": {"urn": "urn:health:mine:all"}},
}
"""What a receiver wants to read in a list's items; the others hold anything."""


def body(host, number):
    """Return a body of one event and one item in each list."""
    items = {
        section: [
            {"of": section, "host": host, "number": number, "odd": [None, 1e-7], **READ.get(section, {})}
        ]
        for section in SECTIONS
    }
    event = {"msg_title": f"{host} {number}", "msg_text": ""}
    return {
        "collection_timestamp": 1_700_000_000 + number,
        "internalHostname": host,
        "events": {"custom": [event]},
        **items,
    }


@pytest.fixture
def bodies(receiver):
    """Return every body that the receiver accepted; it is down at first."""
    taken = []
    receiver.is_down = True

    def intercept(request):
        if receiver.is_down:
            return Reply(503, b"down")
        taken.append(json.loads(zlib.decompress(request.body)))
        return None

    receiver.intercept = intercept
    return taken


def post(agent, document):
    reply = ask(
        agent.socket,
        "POST",
        "/stsAgent/intake",
        json.dumps(document).encode(),
        timeout_seconds=60,
    )
    assert reply.is_ok, reply


def test_lists_of_a_body_arrive_in_order_across_an_outage_and_a_kill(agent, receiver, bodies, wait_until):
    posted = [body("edge-1", 0), body("edge-2", 1), body("edge-1", 2), body("edge-1", 3)]
    agent.start()
    for document in posted[:2]:
        post(agent, document)
    wait_until(lambda: receiver.report.requests, agent.log)
    agent.kill()
    agent.start()
    for document in posted[2:]:
        post(agent, document)
    agent.kill()
    receiver.is_down = False
    agent.start()
    wanted = {section: [item for document in posted for item in document[section]] for section in SECTIONS}

    def arrived(section):
        return [item for one in bodies for item in one[section]]

    wait_until(lambda: all(len(arrived(section)) >= len(posted) for section in SECTIONS), agent.log)
    assert {section: arrived(section) for section in SECTIONS} == wanted
    for one in bodies:
        for item in (item for section in SECTIONS for item in one[section]):
            assert one["internalHostname"] == item["host"]
            assert one["collection_timestamp"] == 1_700_000_000 + item["number"]
    titles = [event["msg_title"] for one in bodies for event in one["events"].get("custom", [])]
    assert titles == [f"{one['internalHostname']} {number}" for number, one in enumerate(posted)]


def test_a_list_that_the_receiver_refuses_holds_up_no_event_and_is_named_by_its_kind(
    agent, receiver, wait_until
):
    agent.start()
    refused = {"topologies": [{"start_snapshot": True}], "health": [{"odd": 1}]}
    post(agent, body("edge-1", 0) | refused)
    agent.command("event", "send", "Later", "--title", "later")
    receiver.wait_for(lambda taken: any(one.title == "later" for one in taken))
    listed = wait_until(lambda: agent.command("rejected", "list").stdout, agent.log)
    assert "stackstate/topologies" in listed
    assert "stackstate/health" in listed
    shown = json.loads(agent.command("rejected", "show", "1").stdout.split("\n\n", 1)[1])
    assert shown == {"topologies": refused["topologies"]}
