"""Topology and health from a running agent: what a receiver is told of this host, whatever happens in between."""

import json
import zlib

import pytest

from agent.stand_in import Reply


class Told:
    """Every topology and health that the receiver took, in order."""

    def __init__(self, receiver):
        self.topologies, self.health, self.keys = [], [], []
        self.is_down = False
        receiver.intercept = self._look

    def _look(self, request):
        if self.is_down:
            return Reply(503, b"down")
        if request.method == "POST" and request.header("sts-api-key") == "right":
            body = json.loads(zlib.decompress(request.body))
            self.topologies += body["topologies"]
            self.health += body["health"]
        return None

    def checks(self):
        """Return the last health of each check."""
        return {one["name"]: one["health"] for one in self.health[-1]["check_states"]} if self.health else {}


@pytest.fixture
def told(agent, receiver):
    agent.destination.update({"topology": True, "health": True, "health_interval": "1s"})
    agent.configure(tags=["env:prod"])
    yield Told(receiver)
    assert not receiver.report.broken


def test_this_host_is_a_component_with_health_that_holds_for_a_while(agent, told, wait_until):
    agent.start()
    wait_until(lambda: len(told.health) > 1)
    (topology,) = told.topologies
    (host,) = topology["components"]
    assert host["data"]["identifiers"] == ["urn:host:/test.example.com"]
    assert host["data"]["environment"] == "prod"
    assert told.health[0]["stream"]["sub_stream_id"] == "test.example.com"
    assert told.health[0]["start_snapshot"] == {"repeat_interval_s": 1, "expiry_interval_s": 3}
    assert told.checks() == {"sts-agent": "Clear", "sts-agent configuration": "Clear"}


def test_both_are_off_unless_they_are_asked_for(agent, receiver):
    told = Told(receiver)
    agent.start()
    agent.send("one")
    assert agent.stop() == 0
    assert (told.topologies, told.health) == ([], [])


def test_after_an_outage_and_a_kill_the_state_of_then_goes_and_the_events_of_meanwhile(
    agent, receiver, told, wait_until
):
    agent.start()
    wait_until(lambda: told.topologies)
    told.is_down = True
    agent.post("meanwhile")
    before = len(told.health)
    agent.kill()
    agent.start()
    told.is_down = False
    wait_until(lambda: len(told.topologies) > 1 and len(told.health) > before, agent.log)
    receiver.wait_for(lambda received: "meanwhile" in [one.title for one in received], 60)
    assert told.topologies[0] == told.topologies[-1]


def test_an_outage_alone_brings_all_of_it_again(agent, receiver, told, wait_until):
    agent.start()
    wait_until(lambda: told.topologies)
    told.is_down = True
    refused = receiver.report.refused.total()
    wait_until(lambda: receiver.report.refused.total() > refused)
    told.is_down = False
    wait_until(lambda: len(told.topologies) > 1, agent.log)


def test_another_key_brings_all_of_it_again(agent, receiver, told, wait_until):
    agent.start()
    wait_until(lambda: told.topologies)
    agent.key_file.write_text("wrong\n")
    refused = receiver.report.refused.total()
    wait_until(lambda: receiver.report.refused.total() > refused)
    agent.key_file.write_text("right\n")
    wait_until(lambda: len(told.topologies) > 1, agent.log)


def test_a_configuration_that_was_set_aside_deviates_until_it_is_right(agent, told, wait_until):
    wrong = agent.configure_application("app", nonsense=1)
    agent.start()
    wait_until(lambda: told.checks().get("sts-agent configuration") == "Deviating", agent.log)
    assert told.checks()["sts-agent"] == "Clear"
    wrong.unlink()
    agent.reload()
    wait_until(lambda: told.checks()["sts-agent configuration"] == "Clear", agent.log)
