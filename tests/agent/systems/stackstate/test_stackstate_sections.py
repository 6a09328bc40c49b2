"""Metrics, topologies, health and service checks of a posted body go to StackState as they came."""

import json

import pytest

from agent.configuration.types import Only
from agent.delivery.content import Content
from agent.delivery.filter import Filter
from agent.delivery.in_flight import InFlightBatch
from agent.events.capture import Capture
from agent.events.identity import Identity
from agent.http.message import Request
from agent.intake.keeping import Keeping
from agent.intake.quota import IntakeQuota
from agent.systems.stackstate.body import KINDS, body_of, encode
from agent.systems.stackstate.dialect import StackStateDialect
from spool import Position, Spool

BODY = {
    "collection_timestamp": 1_700_000_000,
    "internalHostname": "edge-7",
    "events": {"custom": [{"msg_title": "x"}]},
    "metrics": [["m", 1, 2.50, {}], ["n", 1, 3, {}]],
    "service_checks": [{"check": "c", "status": 0}],
    "topologies": [{"instance": {"type": "t", "url": "u"}, "components": []}],
    "health": [{"stream": {"urn": "urn:health:x:y"}}],
}


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        yield spool


def post(spool):
    body = json.dumps(BODY).encode()
    capture = Capture(spool, Identity("web-1"))
    parsed = StackStateDialect().parse(Request("POST", "/intake", "/intake", "", (), body), capture.identity)
    Keeping(capture, IntakeQuota(lambda: 0, lambda: 1_000_000)).keep(parsed)
    return parsed


def requests(spool, name):
    """Return the bodies that a destination would send, in their order."""
    sent = []
    while (batch := spool.records.read(name, max_events=100, max_bytes=100_000)).pieces:
        outgoing = InFlightBatch(Content(batch, batch.hostname, Filter(Only()), None), 100).outgoing()
        sent.append(json.loads(encode(body_of(outgoing, 1_800_000_000), "none")[0]))
        after = Position(batch.pieces[-1].number + 1, 0)
        spool.records.acknowledge(name, after, delivered=batch.events)
    return sent


def test_each_section_is_sent_as_it_came_with_its_host_and_its_time(spool):
    spool.positions.attach("sts", "identity", "oldest", kinds=KINDS)
    assert post(spool).count == 6
    sent = requests(spool, "sts")
    assert [[*body["events"]] for body in sent] == [["custom"], [], [], [], []]
    for section in ("metrics", "service_checks", "topologies", "health"):
        (holding,) = (body for body in sent if body[section])
        assert holding[section] == BODY[section]
        assert (holding["internalHostname"], holding["collection_timestamp"]) == ("edge-7", 1_700_000_000)


def test_a_destination_of_another_system_passes_over_them(spool):
    spool.positions.attach("other", "identity", "oldest")
    post(spool)
    assert len(requests(spool, "other")) == 1
