"""What a receiver is told of this host as components and as check states, by the strict rules of the stand-in."""

import json

import pytest

from agent.events.host_state import HostState
from agent.systems.stackstate import health, topology
from agent.systems.stackstate.stand_in_rules import check
from collectors.collector import Condition, RunState

SERVICES = (
    Condition("cron.service", RunState.UP),
    Condition("nginx.service", RunState.FAILED),
    Condition("old.service", RunState.DOWN),
    Condition("worker.service", RunState.FLAPPING),
)
STATE = HostState(services=SERVICES, tags=("env:prod", "team:a"))


def problems(**sections):
    return check(json.dumps({"internalHostname": "h", **sections}).encode()).problems


def topology_of(state=STATE, **changes):
    return topology.snapshot("h", state, **{"instance_type": "sts-agent", "instance_url": None, **changes})


def health_of(state=STATE, interval=60.0, of_units=False):
    return health.snapshot("h", state, interval, of_units=of_units)


def checks(made):
    return {one["name"]: one for one in made["check_states"]}


def test_the_host_and_its_services_are_one_complete_snapshot():
    made = topology_of()
    assert problems(topologies=[made]) == ()
    assert (made["start_snapshot"], made["stop_snapshot"]) == (True, True)
    assert made["instance"] == {"type": "sts-agent", "url": "h"}
    host, *units = made["components"]
    assert (host["externalId"], host["type"]) == ("urn:host:/h", {"name": "host"})
    assert host["data"]["identifiers"] == ["urn:host:/h"]
    assert [unit["externalId"] for unit in units] == [f"urn:systemd-unit:/h:{one.name}" for one in SERVICES]
    assert {relation["targetId"] for relation in made["relations"]} == {"urn:host:/h"}
    assert [relation["sourceId"] for relation in made["relations"]] == [unit["externalId"] for unit in units]


def test_the_instance_is_the_operators_to_name():
    made = topology_of(instance_type="mine", instance_url="https://here")
    assert made["instance"] == {"type": "mine", "url": "https://here"}


@pytest.mark.parametrize(
    ("tags", "environment"),
    [
        ((), "Production"),
        (("env:prod",), "prod"),
        (("a:b", "environment:test"), "test"),
        (("env:",), "Production"),
    ],
)
def test_a_tag_says_the_environment(tags, environment):
    made = topology_of(HostState(SERVICES, tags=tags))
    assert {one["data"]["environment"] for one in made["components"]} == {environment}
    assert made["components"][0]["data"]["tags"] == list(tags)


def test_health_says_which_services_failed_or_keep_ending_and_for_how_long_it_holds():
    made = health_of()
    assert problems(health=[made]) == ()
    assert made["stream"] == {"urn": "urn:health:sts-agent:host", "sub_stream_id": "h"}
    assert made["start_snapshot"] == {"repeat_interval_s": 60, "expiry_interval_s": 180}
    found = {name: one["health"] for name, one in checks(made).items()}
    assert found == {
        "sts-agent": "Clear",
        "sts-agent configuration": "Clear",
        "cron.service": "Clear",
        "nginx.service": "Critical",
        "old.service": "Clear",
        "worker.service": "Deviating",
    }


def test_what_action_is_needed_for_and_a_configuration_set_aside_are_deviating():
    state = HostState(agent=("collector files fails: x", "y"), configuration=("a.yaml is wrong",))
    found = checks(health_of(state))
    agent, configuration = found["sts-agent"], found["sts-agent configuration"]
    assert (agent["health"], agent["message"]) == ("Deviating", "collector files fails: x; y")
    assert (configuration["health"], configuration["message"]) == ("Deviating", "a.yaml is wrong")


@pytest.mark.parametrize(
    ("of_units", "element"), [(True, "urn:systemd-unit:/h:nginx.service"), (False, "urn:host:/h")]
)
def test_a_service_is_bound_to_its_component_where_the_agent_brings_one_and_else_to_the_host(
    of_units, element
):
    found = checks(health_of(of_units=of_units))
    assert found["nginx.service"]["topologyElementIdentifier"] == element
    assert found["sts-agent"]["topologyElementIdentifier"] == "urn:host:/h"


@pytest.mark.parametrize("interval", [1.0, 1.5, 1800.0])
def test_every_interval_that_may_be_configured_is_one_that_a_receiver_takes(interval):
    assert problems(health=[health_of(interval=interval)]) == ()


def test_of_too_many_services_those_in_trouble_are_told():
    many = [Condition(f"a{number:04}.service", RunState.UP) for number in range(3000)]
    state = HostState(services=(*many, Condition("z.service", RunState.FAILED)))
    made = health_of(state)
    assert len(made["check_states"]) == topology.MAX_SERVICES + 2
    assert checks(made)["z.service"]["health"] == "Critical"
    assert len(json.dumps([made, topology_of(state)])) < 1_000_000


def test_a_text_of_any_length_stays_short():
    found = checks(health_of(HostState(agent=("x" * 100_000,))))
    assert len(found["sts-agent"]["message"]) <= 1000
